// Brings a chart to life once it is near the window: what draws it is loaded
// then, and not at all by whoever never scrolls there.

const near = new IntersectionObserver(
	(seen) => {
		for (const { isIntersecting, target } of seen) {
			if (!isIntersecting) continue;
			near.unobserve(target);
			import('./live').then(
				({ bringToLife }) => bringToLife(target as HTMLElement),
				() => {}, // the reader has left; and whoever could not load it has the server's drawing
			);
		}
	},
	{ rootMargin: '160px' },
);
for (const figure of document.querySelectorAll('figure.chart:has(.live)')) near.observe(figure);
