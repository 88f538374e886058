/** The clipboard's own interface needs a secure context, which a server in the local network is not. */
export async function writeClipboard(value: string) {
	if (navigator.clipboard) return navigator.clipboard.writeText(value);
	const area = document.createElement('textarea');
	area.value = value;
	document.body.append(area);
	area.select();
	document.execCommand('copy');
	area.remove();
}
