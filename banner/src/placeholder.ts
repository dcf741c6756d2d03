// In place of a held-back frame: what is missing, and a button that allows it.
// A part of its own, for pages with such frames only.

import type { Choice } from './consent';
import { h } from './dom';

interface Data {
	dir: string;
	lang: string;
	error: string;
	text: Record<string, string>;
	purposes: Record<string, string>;
	sheet: string;
}

declare const $D: Data;

type Decide = (choice: Choice) => Promise<unknown>;

const shown = new Map<HTMLIFrameElement, HTMLElement>();

customElements.define('kunji-placeholder', class extends HTMLElement {});

let sheet: CSSStyleSheet | undefined;

/** Puts a placeholder before each frame that is still held, and takes away the others'. */
const _place = (frames: HTMLIFrameElement[], decide: Decide): void => {
	for (const [frame, e] of shown)
		if (!frames.includes(frame)) {
			e.remove();
			frame.hidden = false;
			shown.delete(frame);
		}
	for (const frame of frames) if (!shown.has(frame)) shown.set(frame, build(frame, decide));
};

const build = (frame: HTMLIFrameElement, decide: Decide): HTMLElement => {
	if (!sheet) {
		sheet = new CSSStyleSheet();
		sheet.replaceSync($D.sheet);
	}
	const purpose = frame.dataset['kunji'] ?? '';
	const service = frame.dataset['kunjiService'];
	const host = document.createElement('kunji-placeholder');
	const root = host.attachShadow({ mode: 'open' });
	root.adoptedStyleSheets = [sheet];
	const name = new URL(frame.dataset['src'] ?? '', location.href).hostname;
	const text = ($D.text['text'] ?? '')
		.replace('{host}', name)
		.replace('{purpose}', $D.purposes[purpose] ?? purpose);
	const status = h('p', { role: 'status' });
	const allow = h('button', { type: 'button' }, $D.text['allow']);
	allow.onclick = () => {
		decide({
			decisions: { [purpose]: true },
			...(service && { services: { [service]: true } }),
			method: 'save',
			surface: 'placeholder',
		}).then(
			// Still held: age or the transfer abroad has not been answered. The settings ask both.
			() => setTimeout(() => frame.hidden && (self as { kunji?: { show(): void } }).kunji?.show()),
			() => {
				status.textContent = $D.error;
			},
		);
	};
	const box = h('div', { lang: $D.lang, dir: $D.dir, class: 'box' }, h('p', {}, text), allow, status);
	// The frame's own size, so that nothing moves when it loads.
	box.style.inlineSize = `${frame.offsetWidth}px`;
	box.style.minBlockSize = `${frame.offsetHeight}px`;
	root.append(box);
	frame.hidden = true;
	frame.before(host);
	return host;
};

export default { _place };
