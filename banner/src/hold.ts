// Code and media held back until their purpose is granted:
//
//	<script type="text/plain" data-kunji="analytics" data-src="…">, or inline
//	<iframe data-kunji="marketing" data-kunji-service="video" data-src="…">
//	<img data-kunji="marketing" data-src="…">

import { choose } from './banner';
import { C, letter, own } from './config';
import { type Choice, lazy, listen } from './consent';
import { released } from './state';

interface Policy {
	createScriptURL(s: string): string;
	createScript(s: string): string;
}

/** The one Trusted Types policy; undefined where the page forbids it: all stays held. */
let policy: Policy | undefined;
try {
	const same = (s: string): string => s;
	const rules = { createScriptURL: same, createScript: same };
	const factory = (self as { trustedTypes?: { createPolicy(name: string, p: Policy): Policy } }).trustedTypes;
	policy = factory ? factory.createPolicy('kunji', rules) : rules;
} catch {}

type Held = HTMLScriptElement | HTMLIFrameElement | HTMLImageElement;

/**
 * Where the page trusts scripts by a nonce, only those that carry it run: under
 * 'strict-dynamic' whatever our trusted tag inserts is trusted too, so markup
 * that somebody injected could else run by naming a purpose.
 */
const free = (e: Held): boolean =>
	!!policy &&
	!(e.tagName === 'SCRIPT' && own.nonce && e.nonce !== own.nonce) &&
	released(letter(e.dataset['kunji'] ?? ''), e.dataset['kunjiService']);

const run = (old: HTMLScriptElement, p: Policy): Promise<unknown> | undefined => {
	const s = document.createElement('script');
	for (const { name, value } of old.attributes)
		if (!/^(type$|src$|data-src$|on)/.test(name)) s.setAttribute(name, value);
	// Browsers hide the nonce from the attribute list.
	s.nonce = old.nonce;
	s.type = old.dataset['type'] ?? '';
	const src = old.dataset['src'];
	if (!src) s.text = p.createScript(old.text);
	else s.src = p.createScriptURL(src);
	s.removeAttribute('data-kunji');
	const done = src && !old.hasAttribute('async') && new Promise((f) => (s.onload = s.onerror = f));
	old.replaceWith(s);
	return done || undefined;
};

let running = false;

/** Releases what may run, scripts one after the other in the page's order. */
const release = async (): Promise<void> => {
	const frames: HTMLIFrameElement[] = [];
	for (const e of document.querySelectorAll<Held>('iframe[data-kunji],img[data-kunji]')) {
		if (free(e)) {
			e.src = policy?.createScriptURL(e.dataset['src'] ?? '') ?? '';
			e.removeAttribute('data-kunji');
		} else if (e.tagName === 'IFRAME') frames.push(e as HTMLIFrameElement);
	}
	if (frames.length || met) lazy<Placeholders>(C.placeholder, (m) => m._place(frames, choose));
	met ||= frames.length > 0;
	if (running) return;
	running = true;
	for (let e: HTMLScriptElement | undefined; (e = next()); ) await run(e, policy as Policy);
	running = false;
};

/** A held frame was met: its placeholder must go when it is released. */
let met = false;

interface Placeholders {
	_place(frames: HTMLIFrameElement[], d: (c: Choice) => Promise<unknown>): void;
}

const next = (): HTMLScriptElement | undefined =>
	[...document.querySelectorAll<HTMLScriptElement>('script[data-kunji]')].find(free);

export const hold = (): void => {
	listen(release);
	release();
	new MutationObserver((records) => {
		const held = '[data-kunji]';
		if (
			records.some((r) =>
				[...r.addedNodes].some((n) => n instanceof Element && (n.matches(held) || n.querySelector(held))),
			)
		)
			release();
	}).observe(document, { childList: true, subtree: true });
};
