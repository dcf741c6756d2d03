// What the server drew, read back from the page: the table below a chart has
// every figure of it, so nothing is sent twice.

export interface Measure {
	name: string;
	values: (number | null)[];
	texts: string[]; // as the table writes them
}

export interface Mark {
	at: number; // the point it belongs to
	text: string;
}

export interface Figure {
	title: string;
	labels: string[]; // of the points, as the table's first column
	measures: Measure[];
	marks: Mark[];
}

/** A figure as the table writes it, with commas between thousands; null where there is none. */
export const numberOf = (text: string): number | null => {
	const n = Number.parseFloat(text.replaceAll(',', ''));
	return Number.isNaN(n) ? null : n;
};

const textOf = (e: Element | null | undefined): string => e?.textContent?.trim() ?? '';

export const readFigure = (root: HTMLElement): Figure => {
	const names = [...root.querySelectorAll('thead th')].map(textOf);
	const rows = [...root.querySelectorAll('tbody tr')].map((row) => [...row.children].map(textOf));
	return {
		title: textOf(root.querySelector('figcaption')),
		labels: rows.map((row) => row[0] ?? ''),
		measures: names.slice(1).map((name, i) => {
			const texts = rows.map((row) => row[i + 1] ?? '');
			return { name, texts, values: texts.map(numberOf) };
		}),
		marks: [...root.querySelectorAll<SVGElement>('g.mark')].map((g) => ({
			at: Number(g.dataset.at),
			text: textOf(g.querySelector('title')),
		})),
	};
};
