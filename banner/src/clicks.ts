// Clicks that leave the site, and files fetched from it: counted where the tag
// says data-clicks, with "outbound", "downloads" or both. A part of its own,
// loaded by such tags only. Each click is an event like those of kunji.track,
// so without consent for analytics nothing is sent; of the address it keeps the
// other site's host or the file's name, never a query.

const wanted = document.querySelector<HTMLElement>('script[data-clicks]')?.dataset['clicks'] ?? '';
const file =
	/\/([^/]+\.(?:7z|apk|avi|csv|dmg|docx?|epub|exe|gz|iso|jar|midi?|mkv|mov|mp[34]|mpe?g|msi|pdf|pkg|pptx?|rar|rtf|txt|wav|wmv|xlsx?|zip))$/i;

const { kunji } = self as unknown as { kunji: { track(name: string, props: Record<string, string>): void } };

const clicked = (e: MouseEvent): void => {
	// The main button and the middle one open links; the right one only asks.
	if (e.button > 1) return;
	const link = e.composedPath().find((n) => n instanceof HTMLAnchorElement && n.href) as
		| HTMLAnchorElement
		| undefined;
	if (!link || !/^https?:$/.test(link.protocol)) return;
	const name = link.hasAttribute('download')
		? link.pathname.replace(/.*\//, '')
		: file.exec(link.pathname)?.[1];
	if (name) {
		if (/downloads/.test(wanted)) kunji.track('download', { file: name });
	} else if (link.host !== location.host && /outbound/.test(wanted))
		kunji.track('outbound', { host: link.hostname });
};

// Before the page's own handlers, which may stop the event.
for (const type of ['click', 'auxclick'] as const) addEventListener(type, clicked, true);
