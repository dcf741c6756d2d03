// Style sheets come as text: the build's loader reads them so.
declare module '*.css' {
	const sheet: string;
	export default sheet;
}
