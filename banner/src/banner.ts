// The first layer: one custom element with an open shadow root, in front of the
// body so that it is early in the tab order and no sibling rule of the page
// moves anything.

import { base, C, names, T } from './config';
import {
	type Answer,
	blocked,
	type Choice,
	decide,
	lazy,
	listen,
	load,
	type Part,
	type Right,
	reread,
} from './consent';
import { action, h } from './dom';
import { hear } from './events';
import { age, cross } from './questions';
import { ask, gpc, granted, state } from './state';
import { seen } from './views';

customElements.define('kunji-banner', class extends HTMLElement {});

const host = document.createElement('kunji-banner');
const root = host.attachShadow({ mode: 'open' });
const sheet = new CSSStyleSheet();
sheet.replaceSync($S);
root.adoptedStyleSheets = [sheet];

let layer: HTMLElement | undefined;

/** Opens the preferences, in a part of their own; after an answer that took identifiers away, what it says. */
export const show = async (answer?: Answer | Right): Promise<void> => {
	if ((C.stopped && !answer) || !host.isConnected) return;
	const core = {
		_base: base,
		_config: C,
		_text: T,
		_root: root,
		_gpc: gpc,
		_blocked: () => blocked,
		_state: () => state,
		_decide: decide,
		_granted: granted,
		_listen: listen,
	};
	await load<Part>(C.dialog, (m) => m._open(core, answer));
};

const hand = (answer: Right): unknown => answer.rights_url && show(answer);

/** A choice made outside the preferences, which hand over themselves. */
export const choose = async (choice: Choice): Promise<void> => {
	hand(await decide(choice));
};

const link = (page: string, text: string): HTMLElement => h('a', { href: `${base}/${page}/${C.site}` }, text);

/** What leaving the region means: in the preferences, so that this page is not left. */
const facts = (): HTMLElement => {
	const a = link('choices', T.cross?.more ?? '');
	a.onclick = (e) => {
		e.preventDefault();
		show();
	};
	return a;
};

const build = (): HTMLElement => {
	const minors = AGE ? age() : undefined;
	const abroad = CROSS ? cross(facts()) : undefined;
	const error = h('p', { role: 'alert' });
	const answer = async (yes: boolean): Promise<void> => {
		if (yes && minors && !minors._ready()) {
			error.textContent = T.age?.missing ?? '';
			return;
		}
		const decisions: Record<string, boolean> = {};
		for (const p in C.purposes) decisions[names[p] ?? p] = yes;
		// Leaving the region is never bundled with the other purposes.
		const apart = yes && abroad && !abroad[1].checked;
		if (apart) decisions['cross_border'] = false;
		try {
			await choose({
				decisions,
				method: yes ? (apart ? 'save' : 'accept_all') : 'reject_all',
				surface: 'banner',
				...minors?._answer(),
			});
		} catch {
			error.textContent = T.error;
		}
	};
	return h(
		C.modal ? 'dialog' : 'section',
		{ class: 'layer', 'aria-label': T.label, lang: C.lang, dir: T.dir },
		h(
			'div',
			{ class: 'text' },
			h('p', {}, T.text, ' ', link('policy', T.policy), ' ', link('cookies', T.cookies)),
			T.change && h('p', {}, T.change),
			gpc && h('p', {}, T.gpc),
			minors?._node,
			abroad?.[0],
			error,
		),
		h(
			'div',
			{ class: 'actions' },
			action('accept', T.accept, () => answer(true)),
			action('reject', T.reject, () => answer(false)),
			action('settings', T.settings, () => show()),
		),
	);
};

/** Keeps whatever has the focus out from under the banner (WCAG 2.4.11). */
const uncover = (): void => {
	const e = document.activeElement;
	if (!layer || !e || e === host || e === document.body) return;
	const { bottom } = e.getBoundingClientRect();
	layer.classList.toggle('top', bottom > innerHeight - layer.offsetHeight);
};

/** Shows or takes away what the state asks for. */
const update = (): void => {
	if (!ask()) {
		layer?.remove();
		layer = undefined;
		if (C.button && !root.querySelector('.again')) {
			const b = action('settings', T.button, () => show());
			b.className = 'again';
			b.lang = C.lang;
			root.append(b);
		}
	} else if (!layer) {
		root.querySelector('.again')?.remove();
		layer = build();
		root.append(layer);
		if (C.modal) {
			layer.oncancel = (e) => e.preventDefault();
			(layer as HTMLDialogElement).showModal();
		}
		seen(() => {
			fetch(`${base}/v1/shown?site=${C.site}&lang=${C.lang}&notice=${C.notice}`, { keepalive: true }).catch(
				() => {},
			);
		});
	}
};

export const start = (): void => {
	// Where the parser has not come to the body yet, it will put it behind.
	document.documentElement.insertBefore(host, document.body);
	if (C.note)
		lazy<{ _tell(root: ShadowRoot, page: string): void }>(C.note, (m) =>
			m._tell(root, `${base}/choices/${C.site}`),
		);
	// A hit's answer may end what was decided, and the identifier with it.
	hear((answer) => {
		reread();
		hand(answer);
	});
	if (C.stopped) return; // nothing is asked
	document.addEventListener('focusin', uncover);
	listen(update);
	update();
};
