// Shows while a link is being written where it will lead, moves the parameters
// of a pasted address into the fields, and copies what was made.
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type Field, type Fields, parameters, tagged, untagged } from './address';

const inputOf = (form: HTMLFormElement, name: string): HTMLInputElement =>
	form.elements.namedItem(name) as HTMLInputElement;

const read = (form: HTMLFormElement): Fields =>
	Object.fromEntries(Object.keys(parameters).map((name) => [name, inputOf(form, name).value])) as Fields;

/** Fills fields that are empty from an address that was pasted with parameters. */
const takeApart = (form: HTMLFormElement): void => {
	const url = inputOf(form, 'url');
	const parts = untagged(url.value);
	if (!parts) return;
	const names = Object.keys(parts.fields) as Field[];
	if (
		names.some((name) => inputOf(form, name).value !== '' && inputOf(form, name).value !== parts.fields[name])
	)
		return;
	for (const name of names) inputOf(form, name).value = parts.fields[name] ?? '';
	url.value = parts.address;
};

const Preview = ({ form, leads }: { form: HTMLFormElement; leads: string }) => {
	const [address, setAddress] = useState('');
	useEffect(() => {
		const update = (e?: Event) => {
			const click = inputOf(form, 'kind').value === 'click';
			(inputOf(form, 'url').closest('.field') as HTMLElement).hidden = !click;
			if (e?.type === 'change' && e.target === inputOf(form, 'url')) takeApart(form);
			setAddress(click ? tagged(inputOf(form, 'url').value, read(form)) : '');
		};
		form.addEventListener('input', update);
		form.addEventListener('change', update);
		update();
	}, [form]);
	return (
		address && (
			<p class="preview">
				<span>{leads}</span> <code class="address">{address}</code>
			</p>
		)
	);
};

const Copy = ({ text, copy, copied }: { text: string; copy: string; copied: string }) => {
	const [done, setDone] = useState(false);
	const act = async () => {
		await navigator.clipboard.writeText(text);
		setDone(true);
	};
	return (
		<>
			<button type="button" class="quiet" onClick={act}>
				{copy}
			</button>{' '}
			<span role="status">{done && copied}</span>
		</>
	);
};

const into = document.querySelector<HTMLElement>('.preview-of-link');
const form = into?.closest('form');
if (into && form) render(<Preview form={form} leads={into.dataset.leads ?? ''} />, into);

// Pages that are not secure may not write to the clipboard: there one click selects.
if (navigator.clipboard) {
	for (const place of document.querySelectorAll<HTMLElement>('.copies')) {
		const { copy = '', copied = '' } = place.dataset;
		const text = place.previousElementSibling?.textContent?.trim() ?? '';
		render(<Copy text={text} copy={copy} copied={copied} />, place);
	}
}
