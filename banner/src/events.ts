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

let queue: (Event & { id: string; _at: number })[] = [];
let flying = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let tries = 0;

const address = `${base}/v1/events`;

const body = (events: typeof queue): string =>
	JSON.stringify({ site: C.site, events: events.map(({ _at, ...e }) => ({ ...e, age: Date.now() - _at })) });

/** Told what the edge answers, as far as anybody needs it. */
let tell: (answer: Right) => void;

export const hear = (f: typeof tell): void => {
	tell = f;
};

export const send = (e: Event): void => {
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
	const batch = queue.slice(0, BATCH);
	flying = batch.length;
	// Doubles from one second to about a minute, with jitter.
	let wait = 1e3 * 2 ** Math.min(tries++, 6) * (0.5 + Math.random());
	const text = body(batch);
	try {
		// Browsers refuse keepalive above 64 KiB.
		const r = await fetch(address, {
			method: 'POST',
			credentials: 'include',
			keepalive: text.length < 3e4,
			body: text,
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
	while (queue.length > flying && navigator.sendBeacon(address, body(queue.slice(flying, flying + BATCH))))
		queue.splice(flying, BATCH);
});
