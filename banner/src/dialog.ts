// The preferences: one switch per purpose and per service, in a native dialog
// (which keeps the focus inside, closes on Esc and gives the focus back). A
// part of its own, loaded when opened or when something must be cleared.

import { clear, type Traces } from './clear';
import type { Text } from './config';
import type { Answer, Core, Part, Right } from './consent';
import { action, type Child, h, tick } from './dom';

interface Service {
	ID: string;
	Name: string;
	Purpose: number;
	Facts: [string, string][];
}

interface Data {
	text: Record<string, string>;
	services: Service[];
	/** What must be known of leaving the region. */
	transfer: [string, string][];
	/** Cookies and storage keys by service. */
	clear: Record<string, Traces>;
	sheet: string;
}

declare const $D: Data;

const t = (key: string): string => $D.text[key] ?? '';
/** Purposes as the edge numbers them. */
const purposes = ['necessary', 'preferences', 'analytics', 'marketing', 'cross_border'];
const letterOf = (name: string): string => (name === 'cross_border' ? 'x' : (name[0] ?? ''));

const _clear = (services: string[], runs: (service: string) => boolean): void => {
	const traces = (ids: string[]): Traces[] => ids.map((id) => $D.clear[id] ?? [null, null]);
	clear(traces(services), traces(Object.keys($D.clear).filter(runs)));
};

const facts = (list: [string, string][]): HTMLElement => {
	const dl = h('dl', {});
	for (const [name, text] of list) dl.append(h('dt', {}, name), h('dd', {}, h('bdi', {}, text)));
	return dl;
};

const details = (list: [string, string][], what: string): Child =>
	list.length > 0 &&
	h('details', {}, h('summary', { 'aria-label': `${t('details')}: ${what}` }, t('details')), facts(list));

/** A labelled switch with its description. */
const toggle = (name: string, text: string): [HTMLElement, HTMLInputElement] => {
	const [label, input] = tick(name);
	label.className = 'switch';
	input.setAttribute('role', 'switch');
	if (!text) return [label, input];
	const p = h('p', { id: `about-${ids++}` }, text);
	input.setAttribute('aria-describedby', p.id);
	return [h('div', {}, label, p), input];
};

let ids = 0;
let sheet: CSSStyleSheet | undefined;
let open: Preferences | undefined;

const _open = (core: Core, answer?: Answer | Right): void => {
	const root = core._root;
	if (!sheet) {
		sheet = new CSSStyleSheet();
		sheet.replaceSync($D.sheet);
		root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
		core._listen(() => open?._refresh());
	}
	if (open) {
		open._hand(answer); // beside what is being chosen
		return;
	}
	open = new Preferences(core);
	open._show();
	if (answer) open._done(answer);
};

class Preferences {
	_core: Core;
	_dialog = h('dialog', { class: 'prefs', 'aria-labelledby': 'title' });
	_switches = new Map<string, HTMLInputElement>();
	_services = new Map<string, HTMLInputElement>();
	_status = h('div', { role: 'status' });
	_age?: HTMLInputElement[];
	_withdrawn = h('section', {});

	/** The first layer's wording, which the dialog shares. */
	_first: Text;

	constructor(core: Core) {
		this._core = core;
		this._first = core._text;
	}

	_show(): void {
		const { _config: c, _root: root } = this._core;
		const d = this._dialog;
		d.lang = c.lang;
		d.dir = this._first.dir;
		const close = action('close', '×', () => d.close());
		close.setAttribute('aria-label', t('close'));
		const title = h('h2', { id: 'title', tabindex: '-1', autofocus: '' }, t('title'));
		d.append(
			h('div', { class: 'head' }, title, close),
			h(
				'div',
				{ class: 'body' },
				h(
					'p',
					{},
					t('intro'),
					' ',
					this._link('policy', this._first.policy),
					' ',
					this._link('cookies', this._first.cookies),
				),
				this._first.change && h('p', { class: 'note' }, this._first.change),
				this._core._gpc && h('p', { class: 'note' }, this._first.gpc),
				(this._core._blocked() || !navigator.cookieEnabled) && h('p', { class: 'note' }, t('blocked')),
				this._first.age && this._question(this._first.age),
				h('section', {}, h('h3', {}, t('necessary')), h('p', {}, t('necessary_text'))),
				...Object.keys(c.purposes).map((p) => this._purpose(p)),
				this._withdrawn,
				h('p', {}, this._link('choices', t('choices'))),
			),
			this._status,
			h(
				'div',
				{ class: 'actions' },
				action('accept', this._first.accept, () => this._all(true)),
				action('reject', this._first.reject, () => this._all(false)),
				action('save', t('save'), () => this._save()),
			),
		);
		d.onclose = () => {
			d.remove();
			open = undefined;
		};
		this._refresh();
		root.append(d);
		d.showModal();
		title.focus();
	}

	_link(page: string, text: string): HTMLElement {
		return h('a', { href: `${this._core._base}/${page}/${this._core._config.site}` }, text);
	}

	/** One purpose: its switch, and below it those of its services. */
	_purpose(p: string): HTMLElement {
		const name = purposes.find((n) => letterOf(n) === p) ?? '';
		const [row, input] = toggle(t(name), t(`${name}_text`));
		this._switches.set(name, input);
		const box = h('section', {}, row);
		if (name === 'cross_border') box.append(facts($D.transfer));
		const own = $D.services.filter((s) => purposes[s.Purpose] === name);
		if (own.length) {
			const list = h('div', {
				class: 'services',
				role: 'group',
				'aria-label': `${t('services')}: ${t(name)}`,
			});
			for (const s of own) list.append(this._service(s, input));
			box.append(list);
		}
		return box;
	}

	_service(s: Service, purpose: HTMLInputElement): HTMLElement {
		const [row, input] = toggle(s.Name, '');
		this._services.set(s.ID, input);
		// A purpose turned on takes its services with it, and one service turned
		// on needs its purpose: what is shown is what will be saved.
		purpose.addEventListener('change', () => {
			input.checked = purpose.checked;
		});
		input.addEventListener('change', () => {
			if (input.checked) purpose.checked = true;
		});
		const more = details(s.Facts, s.Name);
		return h('div', {}, row, more);
	}

	_question(q: NonNullable<Text['age']>): HTMLElement {
		const [adult, a] = tick(q.adult, 'radio', 'age');
		const [minor, m] = tick(q.minor, 'radio', 'age');
		const [guardian, g] = tick(q.guardian);
		a.onchange = m.onchange = () => {
			guardian.hidden = !m.checked;
		};
		this._age = [a, m, g];
		return h('fieldset', {}, h('legend', {}, q.question), adult, minor, guardian);
	}

	/** Shows what is decided now: when it opens, and when another tab decides. */
	_refresh(): void {
		const { _decisions, _services, _flags } = this._core._state();
		for (const [name, input] of this._switches) input.checked = this._core._granted(letterOf(name));
		for (const s of $D.services) {
			const input = this._services.get(s.ID);
			const purpose = this._switches.get(purposes[s.Purpose] ?? '');
			if (input) input.checked = !!purpose?.checked && _services[s.ID] !== 'd';
		}
		for (const [i, flag] of ['a', 'm', 'G'].entries()) {
			const input = this._age?.[i];
			if (input) input.checked = _flags.includes(flag);
		}
		const guardian = this._age?.[2]?.parentElement;
		if (guardian) guardian.hidden = !_flags.includes('m');
		this._withdrawn.replaceChildren(...(Object.values(_decisions).includes('g') ? this._withdrawal() : []));
		this._withdrawn.hidden = !this._withdrawn.firstChild;
	}

	/** Withdrawing, as near as granting; only where something is granted. */
	_withdrawal(): (Node | string)[] {
		const [label, erase] = tick(t('erase'));
		return [
			h('p', {}, t('withdraw_text')),
			label,
			action('withdraw', t('withdraw'), () => this._withdraw(erase.checked)),
			' ',
			h(
				'a',
				{
					href: `${this._core._base}/v1/consent/receipt?site=${this._core._config.site}`,
					download: '',
				},
				t('receipt'),
			),
		];
	}

	_withdraw(erase: boolean): void {
		this._send({ method: 'withdraw', erase });
	}

	_all(yes: boolean): void {
		const decisions: Record<string, boolean> = {};
		for (const name of this._switches.keys()) decisions[name] = yes;
		// Leaving the region is never bundled with the other purposes.
		const apart = yes && this._switches.get('cross_border')?.checked === false;
		if (apart) decisions['cross_border'] = false;
		this._send({
			method: yes ? (apart ? 'save' : 'accept_all') : 'reject_all',
			decisions,
		});
	}

	_save(): void {
		const decisions: Record<string, boolean> = {};
		const services: Record<string, boolean> = {};
		for (const [name, input] of this._switches) decisions[name] = input.checked;
		for (const [id, input] of this._services) services[id] = input.checked;
		this._send({ method: 'save', decisions, services });
	}

	async _send(choice: {
		method: 'accept_all' | 'reject_all' | 'save' | 'withdraw';
		decisions?: Record<string, boolean>;
		services?: Record<string, boolean>;
		erase?: boolean;
	}): Promise<void> {
		const [a, m, g] = this._age ?? [];
		const yes = Object.values(choice.decisions ?? {}).includes(true);
		if (a && yes && !a.checked && !(m?.checked && g?.checked)) {
			this._say(this._first.age?.missing ?? '');
			a.focus();
			return;
		}
		try {
			const answer = await this._core._decide({
				...choice,
				surface: 'preferences',
				...(a && {
					age: a.checked ? 'adult' : m?.checked ? 'minor' : 'unanswered',
					guardian: !!m?.checked && !!g?.checked,
				}),
			});
			if (choice.method === 'withdraw' || answer.rights_url) this._done(answer);
			else if (this._core._blocked()) this._say(t('blocked'));
			else this._dialog.close();
		} catch {
			this._say(this._first.error);
		}
	}

	_say(text: string): void {
		this._status.replaceChildren(h('p', { class: 'note' }, text));
	}

	/** Nothing is left to choose: says what became of a choice, and hands over the rights address. */
	_done(answer: Answer | Right): void {
		for (const e of this._dialog.querySelectorAll('.body, .actions')) e.remove();
		this._status.replaceChildren();
		if ('decisions' in answer && !Object.values(answer.decisions).includes('granted'))
			this._say(t('withdrawn'));
		this._hand(answer);
	}

	_hand(answer?: Right): void {
		if (!answer?.rights_url) return;
		const address = new URL(answer.rights_url, `${this._core._base}/`).href;
		this._status.append(
			h('p', {}, t('rights')),
			h('p', {}, h('a', { class: 'rights', href: address }, address)),
		);
	}
}

// A default export: names of exports are not shortened, those of properties are.
export default { _open, _clear } satisfies Part;
