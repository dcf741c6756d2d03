// Kunji for React 19 and Next.js. Put <Kunji> first into the <head> of the root
// layout, rendered on the server, and <Choices> into the footer:
//
//     <html><head><Kunji endpoint="https://t.shop.example" site="shop" /></head> …
//
// Each change of the address counts as a page view, as far as the visitor
// agreed.
'use client';

import { useEffect, useState } from 'react';

interface KunjiGlobal {
	show(): void;
	withdraw(options?: { erase?: boolean }): void;
	consent(): unknown;
	track(name: string, props?: Record<string, unknown>): void;
	convert(order: { value?: number; currency?: string; order?: string }): void;
	on(name: 'consent', changed: () => void): void;
}

interface Edge {
	/** Where the edge answers for the site, without a slash at its end. */
	endpoint: string;
	site: string;
}

const kunji = (): KunjiGlobal | undefined =>
	typeof window === 'undefined' ? undefined : (window as unknown as { kunji?: KunjiGlobal }).kunji;

const address = ({ endpoint, site }: Edge): string => `${endpoint}/b/${encodeURIComponent(site)}.js`;

/** The tag. React hoists it and loads it once, however often it is rendered. */
export function Kunji(edge: Edge) {
	return <script src={address(edge)} async data-spa="" />;
}

/** A link to the visitor's choices, which opens the preferences where the script runs. */
export function Choices({ endpoint, site, children = 'Privacy choices' }: Edge & { children?: React.ReactNode }) {
	return (
		<a
			href={`${endpoint}/choices/${encodeURIComponent(site)}`}
			onClick={(event) => {
				const global = kunji();
				if (global) {
					event.preventDefault();
					global.show();
				}
			}}
		>
			{children}
		</a>
	);
}

/** What the visitor has decided, undefined until the script has loaded. */
export function useConsent(edge: Edge): unknown {
	const [consent, setConsent] = useState<unknown>();
	const src = address(edge);
	useEffect(() => {
		let gone = false;
		const read = (): void => {
			if (!gone) setConsent(kunji()?.consent());
		};
		const start = (): void => {
			kunji()?.on('consent', read);
			read();
		};
		const tag = document.querySelector(`script[src="${CSS.escape(src)}"]`);
		if (kunji()) start();
		else tag?.addEventListener('load', start);
		return () => {
			gone = true;
			tag?.removeEventListener('load', start);
		};
	}, [src]);
	return consent;
}

/** An event of your own; nothing where the visitor has not agreed. */
export const track = (name: string, props?: Record<string, unknown>): void => kunji()?.track(name, props);

/** An order, counted once for each order number. */
export const convert = (order: { value?: number; currency?: string; order?: string }): void => kunji()?.convert(order);
