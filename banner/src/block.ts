// Holds back fetch, XHR and beacons to the hosts a site names, until the
// service that talks to them is granted. It works only for what comes after the
// script, so the tag must be a blocking one.

import { C } from './config';
import { listen } from './consent';
import { released } from './state';

const waiting: (() => void)[] = [];

/** What a request waits for, or nothing. */
const held = (address: string | URL): boolean => {
	let host: string;
	try {
		host = new URL(address, location.href).hostname;
	} catch {
		return false; // the browser will refuse it itself
	}
	for (const [h, of] of Object.entries(C.block ?? {})) {
		if (host !== h && !host.endsWith(`.${h}`)) continue;
		const p = (C.services[of] ?? of)[0] ?? '';
		return !released(p, C.services[of] && of);
	}
	return false;
};

/** Runs f now or as soon as the address is free. */
const later = (address: string | URL, f: () => void): void => {
	if (held(address)) waiting.push(() => later(address, f));
	else f();
};

export const block = (): void => {
	const { fetch } = self;
	self.fetch = (input, init) =>
		new Promise((done) =>
			later(input instanceof Request ? input.url : input, () => done(fetch.call(self, input, init))),
		);
	const beacon = navigator.sendBeacon;
	navigator.sendBeacon = (url, data) => {
		if (!held(url)) return beacon.call(navigator, url, data);
		later(url, () => beacon.call(navigator, url, data));
		return true;
	};
	const { open, send } = XMLHttpRequest.prototype;
	const addresses = new WeakMap<XMLHttpRequest, string | URL>();
	XMLHttpRequest.prototype.open = function (
		this: XMLHttpRequest,
		method: string,
		url: string | URL,
		...rest: unknown[]
	) {
		addresses.set(this, url);
		return open.call(this, method, url, ...(rest as [boolean]));
	};
	XMLHttpRequest.prototype.send = function (body) {
		later(addresses.get(this) ?? '', () => send.call(this, body));
	};
	listen(() => {
		for (const f of waiting.splice(0)) f();
	});
};
