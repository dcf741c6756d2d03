// From points of a chart to days of the form above it.

const dayOf = (label: string): string => label.slice(0, 10);

const dayBefore = (day: string): string => {
	const at = new Date(`${day}T00:00:00Z`);
	at.setUTCDate(at.getUTCDate() - 1);
	return at.toISOString().slice(0, 10);
};

/**
 * The days that some points cover. A point that is a week or a month reaches to
 * the day before the next one begins; the last, to the end of the question.
 */
export const daysOf = (labels: string[], first: number, last: number, end: string): [string, string] => {
	const begins = dayOf(labels[last] ?? '');
	const next = last + 1 < labels.length ? dayOf(labels[last + 1] ?? '') : '';
	let to = end > begins ? end : begins;
	if (next) to = next > begins ? dayBefore(next) : begins;
	return [dayOf(labels[first] ?? ''), to];
};
