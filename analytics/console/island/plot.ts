// The drawing of a chart: uPlot in the colours of the style sheet. Points stand
// side by side at equal distances, as the server draws them, so no zone and no
// change of the clock matters here.
import uPlot from 'uplot';
import type { Figure } from './figure';

/** Up to so many points are bars; more are a line over a shaded ground. */
const mostBars = 400;
/** What a label below the axis needs, in CSS pixels. */
const labelWidth = 92;
const halfLabel = 16;

const colour = (name: string): string =>
	getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const compact = new Intl.NumberFormat(document.documentElement.lang, {
	notation: 'compact',
	maximumFractionDigits: 1,
});

/** A label without the year, which the days at both ends have; a time of day alone where it is short of room. */
const shortLabel = (label: string): string => label.slice(5) || label;

export interface Watch {
	/** The pointer, or the keyboard, is at a point, or has left. */
	point: (at: number | null, left: number) => void;
	/** Points were dragged over; null: all of them again. */
	zoom: (range: [number, number] | null) => void;
}

/** Round and even, so that half of it can be written too. */
const niceAbove = (n: number): number => {
	for (let unit = 1; ; unit *= 10)
		for (const step of [2, 3, 4, 5, 6, 8, 10])
			if (step * unit >= n && (step * unit) % 2 === 0) return step * unit;
};

const marksOf = (u: uPlot, figure: Figure): void => {
	const { ctx, bbox } = u;
	ctx.save();
	ctx.beginPath();
	ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
	ctx.clip();
	ctx.strokeStyle = colour('--down');
	ctx.lineWidth = 1.5 * devicePixelRatio;
	ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
	ctx.beginPath();
	for (const { at } of figure.marks) {
		const x = Math.round(u.valToPos(at, 'x', true));
		ctx.moveTo(x, bbox.top);
		ctx.lineTo(x, bbox.top + bbox.height);
	}
	ctx.stroke();
	ctx.restore();
};

/** Which points get a label below the axis: as many as there is room for. */
const labelled = (u: uPlot, _axis: number, min: number, max: number): number[] => {
	const first = Math.max(0, Math.ceil(min));
	const last = Math.floor(max);
	const room = Math.max(1, Math.floor(u.bbox.width / devicePixelRatio / labelWidth));
	const step = Math.max(1, Math.ceil((last - first + 1) / room));
	const out: number[] = [];
	let i = first;
	while (i < last && u.valToPos(i, 'x') < halfLabel) i++; // the first one would be cut off
	for (; i <= last; i += step) out.push(i);
	return out;
};

export const draw = (into: HTMLElement, figure: Figure, watch: Watch): uPlot => {
	const points = figure.labels.map((_, i) => i);
	const bars = points.length <= mostBars;
	const font = `12px ${getComputedStyle(into).fontFamily}`;
	const axis = { font, stroke: () => colour('--soft'), ticks: { show: false } };
	return new uPlot(
		{
			width: into.clientWidth,
			height: into.clientHeight,
			padding: [6, 0, 0, 0],
			legend: { show: false },
			scales: {
				x: {
					time: false,
					range: (_, min, max) => [min === 0 ? -0.5 : min, max === points.length - 1 ? max + 0.5 : max],
				},
				y: { range: (_, _min, max) => [0, niceAbove(Math.max(max ?? 0, 1))] },
			},
			axes: [
				{
					...axis,
					size: 24,
					gap: 6,
					grid: { show: false },
					splits: labelled,
					values: (_, at) => at.map((i) => shortLabel(figure.labels[i] ?? '')),
				},
				{
					...axis,
					side: 1,
					size: 52,
					gap: 8,
					grid: { stroke: () => colour('--line'), width: 1 },
					splits: (_u, _axis, _min, max) => [0, max / 2, max],
					values: (_, at) => at.map((n) => compact.format(n)),
				},
			],
			series: [
				{},
				{
					fill: () => (bars ? colour('--bar') : `color-mix(in srgb, ${colour('--bar')} 22%, transparent)`),
					stroke: () => colour('--bar'),
					width: bars ? 0 : 1.5,
					points: { show: false },
					...(bars && { paths: uPlot.paths.bars?.({ size: [0.7, 64], radius: [0.08, 0] }) }),
				},
			],
			cursor: {
				y: false,
				points: { show: false },
				drag: { x: true, y: false, setScale: false },
				bind: {
					dblclick: () => () => {
						watch.zoom(null);
						return null;
					},
				},
			},
			hooks: {
				draw: [(u) => marksOf(u, figure)],
				setCursor: [(u) => watch.point(u.cursor.idx ?? null, u.valToPos(u.cursor.idx ?? 0, 'x'))],
				setSelect: [
					(u) => {
						const { left, width } = u.select;
						if (width < 4) return;
						const at = (x: number) => Math.round(u.posToVal(x, 'x'));
						u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
						watch.zoom([Math.max(0, at(left)), Math.min(points.length - 1, at(left + width))]);
					},
				],
			},
		},
		[points, figure.measures[0]?.values ?? []],
		into,
	);
};
