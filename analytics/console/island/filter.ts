// Suggests values for a new filter: those that the page's tables name. Any other
// can still be typed.

const column = document.querySelector<HTMLSelectElement>('#column');
const value = document.querySelector<HTMLInputElement>('#value');

/** What the tables' own links filter by: value and text, by column. */
const named = (): Map<string, Map<string, string>> => {
	const all = new Map<string, Map<string, string>>();
	for (const a of document.querySelectorAll<HTMLAnchorElement>('a.narrow')) {
		const filter = new URLSearchParams(a.search).getAll('filter').at(-1) ?? '';
		const cut = filter.indexOf(':');
		const of = filter.slice(0, cut);
		if (!all.has(of)) all.set(of, new Map());
		all.get(of)?.set(filter.slice(cut + 1), a.textContent ?? '');
	}
	return all;
};

if (column && value) {
	const list = document.createElement('datalist');
	list.id = 'values';
	value.after(list);
	value.setAttribute('list', list.id);
	const values = named();
	const suggest = () => {
		const own = values.get(column.value) ?? new Map<string, string>();
		list.replaceChildren(
			...[...own].map(([is, text]) => {
				const option = document.createElement('option');
				option.value = is;
				if (text !== is) option.label = text;
				return option;
			}),
		);
	};
	column.addEventListener('change', suggest);
	suggest();
}
