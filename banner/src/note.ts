// What happened to visitors' data (policy 7.4), said in a line with a link on
// every page until its end, also to those who have chosen already. It is not
// the banner: nothing is asked. Closed, it stays away until the next page,
// since remembering that would need a cookie of its own. A part of its own, for
// sites with an incident only.

import { action, h } from './dom';

interface Data {
	dir: string;
	lang: string;
	dismiss: string;
	notes: { id: string; title: string; lang: string; until: number }[];
	sheet: string;
}

declare const $D: Data;

/** Shows the note in the banner's root; page is the address that tells more. */
const _tell = (root: ShadowRoot, page: string): void => {
	const lines = $D.notes
		.filter((n) => Date.now() < n.until)
		.map((n) => h('p', {}, h('a', { href: `${page}#incident-${n.id}`, lang: n.lang, dir: 'auto' }, n.title)));
	if (!lines.length) return;
	const sheet = new CSSStyleSheet();
	sheet.replaceSync($D.sheet);
	root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
	const note = h(
		'section',
		{
			class: 'note',
			'aria-label': lines[0]?.textContent ?? '',
			lang: $D.lang,
			dir: $D.dir,
		},
		h('div', {}, ...lines),
		action('dismiss', $D.dismiss, () => {
			note.remove();
			removeEventListener('focusin', uncover);
		}),
	);
	// Out of the way of what has the focus (WCAG 2.4.11).
	const uncover = (): void => {
		const e = document.activeElement;
		if (!e || e === root.host || e === document.body) return;
		const [a, b] = [e.getBoundingClientRect(), note.getBoundingClientRect()];
		if (a.top < b.bottom && a.bottom > b.top && a.left < b.right && a.right > b.left)
			note.classList.toggle('low');
	};
	addEventListener('focusin', uncover);
	root.append(note);
};

export default { _tell };
