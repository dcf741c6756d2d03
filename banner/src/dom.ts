// Builds elements without innerHTML: nothing here is a sink that Trusted Types guard.

export type Child = Node | string | false | undefined | '';

export const h = <K extends keyof HTMLElementTagNameMap>(
	tag: K,
	attributes: Record<string, string>,
	...children: Child[]
): HTMLElementTagNameMap[K] => {
	const e = document.createElement(tag);
	for (const k in attributes) e.setAttribute(k, attributes[k] ?? '');
	e.append(...(children.filter(Boolean) as (Node | string)[]));
	return e;
};

/** Runs f right after the next frame, so that what is on screen comes first; at once where nothing is painted. */
export const painted = (f: () => void): unknown =>
	document.hidden ? f() : requestAnimationFrame(() => setTimeout(f));

/**
 * A button that says by data-kunji-action what it does. It acts right after the
 * browser has painted the press, so that no click is slow.
 */
export const action = (name: string, text: string, f: () => void): HTMLButtonElement => {
	const b = h('button', { type: 'button', 'data-kunji-action': name }, text);
	b.onclick = () => painted(f);
	return b;
};

/** A checkbox with its label; never ticked beforehand. */
export const tick = (text: string, type = 'checkbox', name = ''): [HTMLLabelElement, HTMLInputElement] => {
	const input = h('input', { type, name });
	return [h('label', {}, input, h('span', {}, text)), input];
};
