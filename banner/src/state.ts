// What the visitor decided, read from kj_consent or from the edge's answer.
// The edge decides again on every hit; this only spares it needless ones.

import { C, names } from './config';

export interface State {
	/** 'g' or 'd' by purpose's letter; absent: unset. */
	_decisions: Record<string, string>;
	/** 'g' or 'd' by service; absent: its purpose decides. */
	_services: Record<string, string>;
	/** As in the cookie: s signal, a adult, m minor, u unanswered, G guardian. */
	_flags: string;
	/** An outdated no, which an opt_out regime still respects. */
	_old: string;
}

export const gpc = !!C.gpc || (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true;

const prefix = `kj_consent_${C.site}=`;

/** The cookie as the browser keeps it: empty where it keeps none, and with commas between where several differ. */
export const cookie = (): string =>
	String([...new Set(document.cookie.split('; ').filter((c) => c.startsWith(prefix)))]);

export const read = (): State => {
	const s: State = { _decisions: {}, _services: {}, _flags: '', _old: '' };
	const text = cookie();
	const [format, site, decisions = '', services = '', policy, flags = '', day] = text
		.slice(prefix.length)
		.split('~');
	// More than one distinct value is a no, as at the edge.
	if (format !== '1' || site !== C.site || text.includes(',')) return s;
	const age = Date.now() / 864e5 - Number(day);
	// A record knows its day and not its hour: a grant counts from that day's
	// first moment, so that it never lasts too long, a refusal from its last, so
	// that nobody is asked again too soon. An expired one is a no everywhere.
	const expired = age >= C.days + (/\dg/.test(decisions) ? 0 : 1) || age <= -1;
	const valid = !expired && Number(policy) >= C.policy;
	if (expired) s._old = 'pamx';
	for (const [, letter = '', version, answer = ''] of decisions.matchAll(/(.)(\d+)([gd])/g)) {
		if (valid && Number(version) >= (C.purposes[letter] ?? 1)) s._decisions[letter] = answer;
		else if (answer === 'd') s._old += letter;
	}
	for (const [, id = '', answer = ''] of services.matchAll(/([^:]+):([gd])_?/g)) s._services[id] = answer;
	s._flags = flags;
	return s;
};

/** The cookie as it was when the state was last set. */
let known = cookie();

export let state: State = read();

export const set = (s: State): void => {
	state = s;
	known = cookie();
};

/** Whether the cookie was changed since, by another page or by an answer of the edge. */
export const changed = (): boolean => known !== cookie();

/**
 * Whether a purpose is asked for and still unset. Who refused everything is not
 * asked again because a site begins to ask for age.
 */
export const ask = (): boolean =>
	!C.stopped &&
	Object.keys(C.purposes).some(
		(p) => !state._decisions[p] || (AGE && state._decisions[p] === 'g' && !/[amu]/.test(state._flags)),
	);

/** Whether age forbids everything; who said to be a minor stays one where it is no longer asked. */
const minor = (): boolean => !(AGE ? /[aG]/ : /^[^m]*$|G/).test(state._flags);

/** A grant that counts: GPC stands against one given elsewhere, or not under opt_in. */
export const granted = (p: string): boolean =>
	!C.stopped &&
	(p === 'n' ||
		(state._decisions[p] === 'g' &&
			!(p === 'm' && gpc && (C.out || !state._flags.includes('s'))) &&
			!minor()));

/** Whether events of a purpose may be sent: granted, or opt_out without a no. */
export const counts = (p: string): boolean =>
	!!(
		granted(p) ||
		(C.out &&
			!C.stopped &&
			!minor() &&
			!state._decisions[p] &&
			!state._old.includes(p) &&
			!(p === 'm' && gpc))
	) &&
	(!C.away || granted('x'));

/** Whether held-back code of a purpose, and of a declared service, may run. */
export const released = (p: string, service?: string): boolean =>
	granted(p) &&
	(!service || (state._services[service] !== 'd' && [...(C.services[service] ?? 'n')].every(granted)));

/** The state as pages see it: by name. */
export const view = (): Record<string, string> => {
	const out: Record<string, string> = {};
	for (const p of Object.keys(C.purposes))
		out[names[p] ?? p] = granted(p) ? 'granted' : state._decisions[p] ? 'denied' : 'unset';
	return out;
};
