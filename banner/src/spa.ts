// Pages that change their address without loading: each new path or query is a
// view. A part of its own, for tags with data-spa only.

/** Follows the history on from the address of the last view. */
const follow = (address: string, view: (referrer: string) => void): void => {
	const path = (href: string): string => href.replace(/#.*/, '');
	const look = (): void => {
		const before = address;
		address = location.href;
		if (path(address) !== path(before)) view(before);
	};
	for (const name of ['pushState', 'replaceState'] as const) {
		const original = history[name];
		history[name] = (...a) => {
			original.apply(history, a);
			look();
		};
	}
	addEventListener('popstate', look);
	look(); // what changed while this was on its way
};

export default { follow };
