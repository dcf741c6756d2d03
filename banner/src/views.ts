// Page views: each page really seen counts once, also when it was prerendered,
// opened in the background, or came back from the back-forward cache.

import { own } from './config';
import { lazy, listen, reread } from './consent';
import { painted } from './dom';
import { type Event, forget, send } from './events';
import { counts } from './state';

/** A view that waits for a yes: this load's address and referrer, in memory only. */
let pending: Event | undefined;

const tried = (): void => {
	if (!counts('a') && !counts('m')) forget();
	else if (pending) {
		send(pending);
		pending = undefined;
	}
};

/** Runs f once the page was painted on screen; a prerendered one is hidden until it is shown. */
export const seen = (f: () => void): void => {
	if (document.hidden) document.addEventListener('visibilitychange', () => seen(f), { once: true });
	else painted(f);
};

const view = (referrer: string): void =>
	seen(() => {
		pending = { kind: 'page_view', url: location.href, referrer };
		tried();
	});

export const track = (name: string, props?: Record<string, unknown>): void => {
	if (!counts('a')) return;
	const text: Record<string, string> = {};
	for (const k in props) text[k] = `${props[k]}`;
	send({ kind: 'custom', url: location.href, name, props: text });
};

export interface Purchase {
	value?: number;
	currency?: string;
	order?: string;
}

export const convert = ({ value, currency, order }: Purchase = {}): void => {
	if (counts('m')) send({ kind: 'conversion', url: location.href, value, currency, order } as Event);
};

interface Follower {
	follow(address: string, view: (referrer: string) => void): void;
}

export const start = (): void => {
	listen(tried);
	view(document.referrer);
	const address = location.href;
	if ('spa' in own.dataset) lazy<Follower>('spa.js', (m) => m.follow(address, view));
	if (own.dataset['clicks']) lazy('clicks.js', () => {});
	addEventListener('pageshow', (e) => {
		if (!e.persisted) return;
		reread();
		view('');
	});
};
