// What the edge writes in front of the script: see config.go, whose structs
// have the same fields. Single letters stand for purposes as in kj_consent:
// p preferences, a analytics, m marketing, x cross_border.

export interface Config {
	site: string;
	/** The notice's version, sent back with the choice as evidence. */
	notice: string;
	lang: string;
	/** Version of each purpose that the site asks for, in the order shown. */
	purposes: Record<string, number>;
	/** Letters of all purposes that a service needs: its own, and x when it keeps data abroad. */
	services: Record<string, string>;
	/** The oldest policy version whose decisions still count. */
	policy: number;
	/** Days that a decision counts. */
	days: number;
	/** Regime opt_out: counted, without identifier, until a no. */
	out?: 1;
	/** Sec-GPC: 1 came with the request for this script. */
	gpc?: 1;
	/** This node's region is not the site's: everything needs x as well. */
	away?: 1;
	/** The site is stopped: nothing is asked and nothing sent. */
	stopped?: 1;
	/** Floating "change my choice" button. */
	button?: 1;
	modal?: 1;
	/** File name of the dialog's part for this site and language. */
	dialog: string;
	/** File name of the placeholder's part. */
	placeholder: string;
	/** File name of the part that tells of incidents. */
	note?: string;
	/** Some service says which cookies or storage keys it leaves. */
	leaves?: 1;
	/** Hosts held back, each with the service that talks to it or a purpose's letter. */
	block?: Record<string, string>;
}

/** The first layer's wording in one language, exactly as the notice keeps it. */
export interface Text {
	dir: string;
	label: string;
	text: string;
	/** Said when the browser sends Global Privacy Control. */
	gpc: string;
	/** Summary of the material policy version, where there is one. */
	change?: string;
	accept: string;
	reject: string;
	settings: string;
	policy: string;
	cookies: string;
	error: string;
	button: string;
	age?: AgeText;
	cross?: CrossText;
}

export interface AgeText {
	question: string;
	adult: string;
	minor: string;
	guardian: string;
	missing: string;
}

/** The separate question about leaving the region, and the words that lead to what must be known of it. */
export interface CrossText {
	label: string;
	more: string;
}

declare global {
	const $C: Config;
	const $T: Text;
	const $S: string;
	/** Features compiled in or out; one loader is built for each combination. */
	const AGE: boolean;
	const BLOCK: boolean;
	const MODE: boolean;
	const CROSS: boolean;
}

export const C = $C;
export const T = $T;

/** Purposes' names in requests, by letter. */
export const names: Record<string, string> = {
	p: 'preferences',
	a: 'analytics',
	m: 'marketing',
	x: 'cross_border',
};

/** A purpose's letter from its name. */
export const letter = (name: string): string => (name[0] === 'c' ? 'x' : (name[0] ?? ''));

/** The tag itself: data-spa on it loads spa.ts, data-clicks clicks.ts. */
export const own = document.currentScript as HTMLScriptElement;

/** Where the edge answers, prefix included: the script's address without /b/{site}.js. */
export const base = own.src.replace(/\/b\/[^/]*$/, '');
