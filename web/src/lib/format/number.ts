/** Numbers as people read them. */

const UNITS = ['', 'k', 'M', 'G', 'T'];

/** `1234` as `1.23k`; whole numbers below 1,000 stay as they are. */
export function compact(value: number): string {
	if (!Number.isFinite(value)) return String(value);
	let scaled = Math.abs(value);
	let unit = 0;
	while (scaled >= 999.5 && unit < UNITS.length - 1) {
		scaled /= 1000;
		unit += 1;
	}
	const text = unit === 0 && Number.isInteger(value) ? String(scaled) : threeDigits(scaled);
	return `${value < 0 ? '-' : ''}${text}${UNITS[unit]}`;
}

/** `12345` as `12,345`. */
export function grouped(value: number): string {
	return value.toLocaleString('en-US');
}

/** So many of something: `1 trace`, `1,200 traces`; `many` where an `s` does not do. */
export function counted(count: number, one: string, many = `${one}s`): string {
	return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** Bytes with binary units. */
export function bytes(value: number): string {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let scaled = value;
	let unit = 0;
	while (scaled >= 1024 && unit < units.length - 1) {
		scaled /= 1024;
		unit += 1;
	}
	return `${unit === 0 ? scaled : threeDigits(scaled)} ${units[unit]}`;
}

/** Nanoseconds with the unit that fits. */
export function duration(nanos: number): string {
	const size = Math.abs(nanos);
	if (size < 1e3) return `${Math.round(nanos)} ns`;
	if (size < 1e6) return `${threeDigits(nanos / 1e3)} µs`;
	if (size < 1e9) return `${threeDigits(nanos / 1e6)} ms`;
	if (size < 120e9) return `${threeDigits(nanos / 1e9)} s`;
	if (size < 7200e9) return `${threeDigits(nanos / 60e9)} min`;
	if (size < 172800e9) return `${threeDigits(nanos / 3600e9)} h`;
	return `${threeDigits(nanos / 86400e9)} d`;
}

/** A share as a percentage. */
export function percent(share: number): string {
	if (share === 0) return '0 %';
	const value = share * 100;
	return value < 0.01 ? '< 0.01 %' : `${threeDigits(value)} %`;
}

/** About three digits, no trailing zeros. */
export function threeDigits(value: number): string {
	if (value === 0) return '0';
	const size = Math.abs(value);
	const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
	return String(Number(value.toFixed(digits)));
}
