// Sends a choice to the edge and tells everyone who waits for it.

import { base, C, letter, type T } from './config';
import { inTurn } from './events';
import { ask, changed, cookie, gpc, read, released, type State, set, state, view } from './state';

export interface Choice {
	decisions?: Record<string, boolean>;
	services?: Record<string, boolean>;
	method: 'accept_all' | 'reject_all' | 'save' | 'withdraw' | 'gpc';
	surface: 'banner' | 'preferences' | 'placeholder' | 'api';
	age?: string | undefined;
	guardian?: boolean | undefined;
	erase?: boolean | undefined;
}

/** The edge's answer to a choice, as in the contract. */
export interface Answer extends Right {
	decisions: Record<string, string>;
	services: Record<string, string>;
	signal?: boolean;
}

/** What every answer that takes the visitor's identifier away hands over. */
export interface Right {
	rights_url?: string;
}

/** True when the browser blocked the cookie: the choice holds for this page load. */
export let blocked = false;

type Listener = (decisions: Record<string, string>) => void;
const listeners: Listener[] = [];

export const listen = (f: Listener): number => listeners.push(f);

/** The site's other tabs; none where the browser forbids it: Firefox does with cookies blocked. */
let tabs: BroadcastChannel | undefined;

/** Begins to hear, and to tell, the site's other tabs. */
export const join = (): void => {
	try {
		tabs = new BroadcastChannel(`kunji ${C.site}`);
		tabs.onmessage = ({ data }) => apply(data);
	} catch {}
};

/** Tells everyone after the state changed, and clears what lost its grant. */
const apply = (next: State): void => {
	const before = Object.keys(C.services).filter((id) => runs(id));
	set(next);
	clear(before.filter((id) => !runs(id)));
	for (const f of listeners) f(view());
};

const runs = (id: string): boolean => released((C.services[id] ?? '')[0] ?? '', id);

/** Takes back what services left in the browser. */
const clear = (services: string[]): void => {
	if (services.length) lazy<Part>(C.dialog, (m) => m._clear(services, runs));
};

/**
 * A choice made on a page without script, or in a browser that was closed at
 * once, could not clear: the next page does it for all that may not run.
 */
export const tidy = (): void => {
	if (C.leaves && !ask()) clear(Object.keys(C.services).filter((id) => !runs(id)));
};

/** Reads the cookie again where it was changed meanwhile; one that never was kept, in no case. */
export const reread = (): void => {
	if (changed()) apply(read());
};

/** Posts a choice. Rejects when the edge could not keep it; nothing changes then. */
export const decide = (choice: Choice): Promise<Answer> =>
	inTurn(async () => {
		const r = await fetch(`${base}/v1/consent`, {
			method: 'POST',
			credentials: 'include',
			keepalive: true,
			body: JSON.stringify({
				site: C.site,
				notice: { version: C.notice, language: C.lang },
				...choice,
			}),
		});
		if (!r.ok) throw r.status;
		const answer: Answer = await r.json();
		const next: State = {
			_decisions: {},
			_services: {},
			_old: '',
			_flags:
				((answer.signal ?? gpc) ? 's' : '') +
				(choice.age ? choice.age[0] + (choice.guardian ? 'G' : '') : state._flags.replace('s', '')),
		};
		for (const [name, d] of Object.entries(answer.decisions))
			if (d !== 'unset') next._decisions[letter(name)] = d[0] ?? '';
		for (const [id, d] of Object.entries(answer.services)) next._services[id] = d[0] ?? '';
		blocked = !cookie();
		apply(next);
		tabs?.postMessage(next);
		return answer;
	});

export const withdraw = (erase?: boolean): Promise<Answer> =>
	decide({ method: 'withdraw', surface: 'api', erase });

/** The dialog's part, loaded once. */
export interface Part {
	_open(core: Core, answer?: Answer | Right): void;
	_clear(services: string[], runs: (service: string) => boolean): void;
}

export interface Core {
	_base: string;
	_config: typeof C;
	_text: typeof T;
	_root: ShadowRoot;
	_gpc: boolean;
	_blocked(): boolean;
	_state(): State;
	_decide: typeof decide;
	_granted(p: string): boolean;
	_listen: typeof listen;
}

/** Loads a part, once, and hands it over; rejects when it cannot be had. */
export const load = async <P>(name: string, f: (part: P) => void): Promise<void> =>
	f((await import(`${base}/b/part/${name}`)).default);

/** The same for what the page can do without. */
export const lazy = <P>(name: string, f: (part: P) => void): Promise<void> => load(name, f).catch(() => {});
