export type Severity = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL' | '';

/** The keys of a histogram's counts, most severe first: the order in which bars are stacked from the base. */
export const SEVERITIES = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unspecified'] as const;
export type SeverityKey = (typeof SEVERITIES)[number];

/** The custom property that holds the colour of a severity. */
export function severityToken(severity: string): string {
	const key = severity.toLowerCase();
	return `--severity-${key === '' || key === 'unspecified' ? 'none' : key}`;
}

export function isError(severity: string): boolean {
	return severity === 'ERROR' || severity === 'FATAL';
}
