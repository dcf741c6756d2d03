// Takes back what a withdrawn service left in the browser. Only names are
// compared; no value is read.

const fits = (name: string, pattern: string): boolean =>
	pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

/** The page's host and its parents: a cookie may belong to any of them. An address has none. */
const domains = (): string[] => {
	const labels = location.hostname.split('.');
	const parents = /[\d\]]$/.test(location.hostname) ? [] : labels.slice(0, -1);
	return ['', ...parents.map((_, i) => `; Domain=${labels.slice(i).join('.')}`)];
};

/** Every path above the page, with and without a slash at its end. */
const paths = (): string[] => {
	const out = ['/'];
	let path = '';
	for (const segment of location.pathname.split('/').slice(1)) {
		path += `/${segment}`;
		out.push(path, `${path}/`);
	}
	return out;
};

/** What a service leaves: names of cookies and of storage keys. */
export type Traces = [cookies: string[] | null, keys: string[] | null];

/** Clears what those leave that have no consent, except what those that have it share with them. */
export const clear = (gone: Traces[], kept: Traces[]): void => {
	const takes = (name: string, kind: 0 | 1): boolean => {
		const named = (list: Traces[]): boolean => list.some((t) => t[kind]?.some((p) => fits(name, p)));
		return named(gone) && !named(kept);
	};
	for (const pair of document.cookie.split('; ')) {
		const name = pair.split('=')[0] ?? '';
		if (!takes(name, 0)) continue;
		for (const domain of domains()) {
			for (const path of paths()) {
				// biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser
				document.cookie = `${name}=; Max-Age=0; Path=${path}${domain}`;
			}
		}
	}
	for (const area of ['localStorage', 'sessionStorage'] as const) {
		try {
			const storage = self[area];
			for (const key of Object.keys(storage)) if (takes(key, 1)) storage.removeItem(key);
		} catch {} // the browser forbids storage: there is nothing to clear
	}
};
