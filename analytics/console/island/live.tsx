// A chart that answers: figures under the pointer and to the arrow keys, another
// measure, some of the days. It stands over the server's drawing, which stays
// for print and for whoever has no script.
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import sheet from 'uplot/dist/uPlot.min.css';
import { type Figure, readFigure } from './figure';
import { draw } from './plot';
import { daysOf } from './range';

/** What the page says, in its language. */
interface Words {
	measure: string;
	whole: string;
	only: string;
	hint: string;
}

type Range = [number, number];

/** Everything that is known of a point, in a line. */
const saidOf = (figure: Figure, at: number): string =>
	[
		figure.labels[at],
		...figure.measures.map((m) => `${m.name} ${m.texts[at]}`),
		...figure.marks.filter((m) => m.at === at).map((m) => m.text),
	].join(', ');

/** The address of the same question about some days only; empty where it cannot be asked. */
const addressOf = (figure: Figure, [first, last]: Range): string => {
	const form = document.querySelector<HTMLFormElement>('form.question');
	if (!form) return '';
	const asked = new FormData(form);
	const [from, to] = daysOf(figure.labels, first, last, String(asked.get('to')));
	if (from === asked.get('from') && to === asked.get('to')) return '';
	const query = new URLSearchParams(location.search);
	query.set('from', from);
	query.set('to', to);
	return `?${query}`;
};

const Tip = ({ figure, at, left, width }: { figure: Figure; at: number; left: number; width: number }) => (
	<div
		class="tip"
		aria-hidden="true"
		ref={(e) => {
			// Beside the point, on the side that has room.
			const own = e?.offsetWidth ?? 0;
			const x = left + 14 + own > width ? Math.max(0, left - 14 - own) : left + 14;
			if (e) e.style.transform = `translateX(${x}px)`;
		}}
	>
		<strong>{figure.labels[at]}</strong>
		<dl>
			{figure.measures.map((m) => (
				<div key={m.name}>
					<dt>{m.name}</dt>
					<dd>{m.texts[at]}</dd>
				</div>
			))}
		</dl>
		{figure.marks
			.filter((m) => m.at === at)
			.map((m) => (
				<p key={m.text}>{m.text}</p>
			))}
	</div>
);

const Chart = ({ figure, words }: { figure: Figure; words: Words }) => {
	const last = figure.labels.length - 1;
	const [measure, setMeasure] = useState(0);
	const [point, setPoint] = useState<{ at: number; left: number } | null>(null);
	const [zoom, setZoom] = useState<Range | null>(null);
	const [anchor, setAnchor] = useState<number | null>(null); // where the keyboard began to choose days
	const box = useRef<HTMLDivElement>(null);
	const plot = useRef<uPlot>(null);
	const shown: Range = zoom ?? [0, last];

	useEffect(() => {
		const into = box.current as HTMLDivElement;
		const u = draw(into, figure, {
			point: (at, left) => setPoint(at === null ? null : { at, left }),
			zoom: (range) => setZoom(range && (range[0] > 0 || range[1] < last) ? range : null),
		});
		plot.current = u;
		const size = new ResizeObserver(() => u.setSize({ width: into.clientWidth, height: into.clientHeight }));
		size.observe(into);
		const theme = matchMedia('(prefers-color-scheme: dark)');
		const repaint = () => u.redraw();
		theme.addEventListener('change', repaint);
		return () => {
			theme.removeEventListener('change', repaint);
			size.disconnect();
			u.destroy();
		};
	}, [figure]);

	useEffect(() => {
		const u = plot.current as uPlot;
		u.batch(() => {
			u.setData([u.data[0] as number[], figure.measures[measure]?.values ?? []], false);
			u.setScale('x', { min: shown[0] - 0.5, max: shown[1] + 0.5 });
		});
	}, [measure, zoom]);

	/** Puts the cursor on a point, as the pointer does; nowhere for null. */
	const go = (at: number | null) => {
		const u = plot.current as uPlot;
		u.setCursor({ left: at === null ? -10 : u.valToPos(at, 'x'), top: at === null ? -10 : 0 });
	};

	const press = (e: KeyboardEvent) => {
		const at = point?.at ?? shown[1];
		const to = {
			ArrowLeft: at - 1,
			ArrowDown: at - 1,
			ArrowRight: at + 1,
			ArrowUp: at + 1,
			PageDown: at - 7,
			PageUp: at + 7,
			Home: shown[0],
			End: shown[1],
		}[e.key];
		if (to !== undefined) {
			setAnchor(e.shiftKey ? (anchor ?? at) : null);
			go(Math.min(shown[1], Math.max(shown[0], to)));
		} else if (e.key === 'Enter' && anchor !== null) {
			setZoom([Math.min(anchor, at), Math.max(anchor, at)]);
			setAnchor(null);
		} else if (e.key === 'Escape') {
			setZoom(null);
			setAnchor(null);
		} else return;
		e.preventDefault();
	};

	const chosen: Range | null =
		anchor !== null && point ? [Math.min(anchor, point.at), Math.max(anchor, point.at)] : null;
	const only = zoom ? addressOf(figure, zoom) : '';
	return (
		<>
			<div class="tools">
				<fieldset class="measures">
					<legend class="hidden">{words.measure}</legend>
					{figure.measures.map((m, i) => (
						<label key={m.name}>
							<input type="radio" name="measure" checked={i === measure} onChange={() => setMeasure(i)} />
							<span>{m.name}</span>
						</label>
					))}
				</fieldset>
				{zoom && (
					<p class="zoomed">
						<span>
							{figure.labels[zoom[0]]} – {figure.labels[zoom[1]]}
						</span>
						{only && <a href={only}>{words.only}</a>}
						<button type="button" class="quiet" onClick={() => setZoom(null)}>
							{words.whole}
						</button>
					</p>
				)}
			</div>
			<div
				class="plot"
				ref={box}
				role="slider"
				tabIndex={0}
				aria-label={figure.title}
				aria-description={words.hint}
				aria-valuemin={shown[0]}
				aria-valuemax={shown[1]}
				aria-valuenow={point?.at ?? shown[1]}
				aria-valuetext={saidOf(figure, point?.at ?? shown[1])}
				onKeyDown={press}
				onFocus={(e) => e.currentTarget.matches(':focus-visible') && go(point?.at ?? shown[1])}
				onBlur={() => go(null)}
			/>
			{point && <Tip figure={figure} at={point.at} left={point.left} width={box.current?.clientWidth ?? 0} />}
			{chosen && (
				<p class="chosen">
					{figure.labels[chosen[0]]} – {figure.labels[chosen[1]]} ⏎
				</p>
			)}
		</>
	);
};

let styled = false;

/** Mounts the island of a figure over the server's drawing. */
export const bringToLife = (root: HTMLElement): void => {
	const into = root.querySelector<HTMLElement>('.live');
	if (!into) return;
	if (!styled) {
		const style = new CSSStyleSheet();
		style.replaceSync(sheet);
		document.adoptedStyleSheets.push(style);
		styled = true;
	}
	const { measure = '', whole = '', only = '', hint = '' } = into.dataset;
	render(<Chart figure={readFigure(root)} words={{ measure, whole, only, hint }} />, into);
	root.classList.add('lives');
};
