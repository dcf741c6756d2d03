// The preference store: small items that the site shows again on the next
// visit, kept by the edge only with a yes to preferences (policy 6.2).

import { base, C } from './config';
import { granted } from './state';

/** One call; undefined without consent, or where there is no such item. */
const call = async (key: string, method = 'GET', body: string | null = null): Promise<string | undefined> => {
	if (!granted('p')) return;
	const r = await fetch(`${base}/v1/store/${encodeURIComponent(key)}?site=${C.site}`, {
		method,
		credentials: 'include',
		body,
	});
	if (r.ok) return r.text();
	if (r.status !== 404) throw Error(`kunji.store: ${r.status}`);
};

export const store = {
	get: (key: string): Promise<string | undefined> => call(key),
	set: (key: string, value: string): Promise<string | undefined> => call(key, 'PUT', value),
	remove: (key: string): Promise<string | undefined> => call(key, 'DELETE'),
};
