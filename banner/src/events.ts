// Events on their way to the edge. They wait in memory only: each has an id of
// its own, so a retry after a broken network or a full edge counts once.

import { base, C } from './config';
import type { Right } from './consent';

export interface Event {
	kind: string;
	url: string;
	referrer?: string;
	name?: string;
	props?: Record<string, string>;
	value?: number;
	currency?: string;
	order?: string;
}

const LIMIT = 100;
const BATCH = 20;
/** Characters of one request: whatever the script, fewer than the 64 KiB that may outlive a page. */
const MOST = 2e4;

let queue: (Event & { id: string; _at: number })[] = [];
let flying = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let tries = 0;

const address = `${base}/v1/events`;

const body = (events: typeof queue): string =>
	JSON.stringify({ site: C.site, events: events.map(({ _at, ...e }) => ({ ...e, age: Date.now() - _at })) });

/** What one request carries of the queue, from a place on. */
const batch = (from: number): typeof queue => {
	const events = queue.slice(from, from + BATCH);
	while (events[1] && body(events).length > MOST) events.pop();
	return events;
};

/** Told what the edge answers, as far as anybody needs it. */
let tell: (answer: Right) => void;

export const hear = (f: typeof tell): void => {
	tell = f;
};

export const send = (e: Event): void => {
	// The edge takes none of that size, and those behind it would wait for ever.
	if (JSON.stringify(e).length > MOST) {
		console.warn('kunji: event too large');
		return;
	}
	// The oldest go first when the edge stays away: the queue never grows beyond its limit.
	if (queue.length >= LIMIT) queue.splice(flying, 1);
	queue.push({
		...e,
		id: crypto.getRandomValues(new Uint32Array(4)).join('-'),
		_at: Date.now(),
	});
	timer ??= setTimeout(() => inTurn(fly));
};

/** Forgets what was not sent: consent was withdrawn meanwhile. */
export const forget = (): void => {
	queue = queue.slice(0, flying);
};

let turn: Promise<unknown> = Promise.resolve();

/**
 * Asks the edge one thing after the other: answers set cookies, and one behind a
 * withdrawal's would bring back those that it takes away.
 */
export const inTurn = <A>(f: () => Promise<A>): Promise<A> => {
	turn = turn.then(f, f);
	return turn as Promise<A>;
};

const fly = async (): Promise<void> => {
	const events = batch(0);
	flying = events.length;
	// Doubles from one second to about a minute, with jitter.
	let wait = 1e3 * 2 ** Math.min(tries++, 6) * (0.5 + Math.random());
	try {
		const r = await fetch(address, {
			method: 'POST',
			credentials: 'include',
			keepalive: true,
			body: body(events),
		});
		if (r.status < 500 && r.status !== 429) {
			queue = queue.slice(flying);
			wait = tries = flying = 0;
			tell(await r.json());
		} else wait = Math.max(wait, Number(r.headers.get('Retry-After')) * 1e3 || 0);
	} catch {}
	flying = 0;
	timer = queue.length ? setTimeout(() => inTurn(fly), wait) : undefined;
};

addEventListener('pagehide', () => {
	// What is in flight arrives by itself: its fetch outlives the page.
	for (let e: typeof queue; (e = batch(flying))[0] && navigator.sendBeacon(address, body(e)); )
		queue.splice(flying, e.length);
});
