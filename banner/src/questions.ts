// The two questions that some sites must ask beside the purposes: being of age
// (policy 8) and leaving the region (PIPL 39). Both start without an answer.

import { T } from './config';
import { h, tick } from './dom';

export interface Age {
	_node: HTMLElement;
	/** What is sent: the answer, never the age. */
	_answer(): { age: string; guardian: boolean };
	/** Whether a yes may be given: of age, or with a guardian's yes. */
	_ready(): boolean;
}

export const age = (): Age | undefined => {
	const t = T.age;
	if (!t) return;
	const [adultLabel, adult] = tick(t.adult, 'radio', 'age');
	const [minorLabel, minor] = tick(t.minor, 'radio', 'age');
	const [guardianLabel, guardian] = tick(t.guardian);
	guardianLabel.hidden = true;
	adult.onchange = minor.onchange = () => {
		guardianLabel.hidden = !minor.checked;
	};
	return {
		_node: h('fieldset', {}, h('legend', {}, t.question), adultLabel, minorLabel, guardianLabel),
		_answer: () => ({
			age: adult.checked ? 'adult' : minor.checked ? 'minor' : 'unanswered',
			guardian: minor.checked && guardian.checked,
		}),
		_ready: () => adult.checked || (minor.checked && guardian.checked),
	};
};

/** more leads to what must be known of it. */
export const cross = (more: HTMLElement): [HTMLElement, HTMLInputElement] => {
	const [label, input] = tick(T.cross?.label ?? '');
	return [h('div', {}, label, more), input];
};
