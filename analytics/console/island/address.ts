// A landing page's address and a campaign's fields. The server signs the link
// and has the last word; this only shows early what will come of it.

/** The form's fields and the parameters they become. */
export const parameters = {
	source: 'utm_source',
	medium: 'utm_medium',
	campaign: 'utm_campaign',
	content: 'utm_content',
	term: 'utm_term',
	id: 'utm_id',
} as const;

export type Field = keyof typeof parameters;
export type Fields = Record<Field, string>;

const fieldNames = Object.keys(parameters) as Field[];

const parsed = (address: string): URL | null => {
	try {
		const url = new URL(address);
		return url.protocol === 'https:' || url.protocol === 'http:' ? url : null;
	} catch {
		return null;
	}
};

/** The address with the campaign's parameters; empty where it is none yet. */
export const tagged = (address: string, fields: Fields): string => {
	const url = parsed(address);
	if (!url) return '';
	for (const name of fieldNames) {
		let value = fields[name].trim();
		if (name === 'source' || name === 'medium') value = value.toLowerCase();
		if (value && !url.searchParams.has(parameters[name])) url.searchParams.append(parameters[name], value);
	}
	return url.href;
};

/** Takes the parameters out of an address that has some; null where it has none. */
export const untagged = (address: string): { address: string; fields: Partial<Fields> } | null => {
	const url = parsed(address);
	if (!url) return null;
	const fields: Partial<Fields> = {};
	for (const name of fieldNames) {
		const value = url.searchParams.get(parameters[name]);
		if (value === null) continue;
		fields[name] = value;
		url.searchParams.delete(parameters[name]);
	}
	return Object.keys(fields).length > 0 ? { address: url.href, fields } : null;
};
