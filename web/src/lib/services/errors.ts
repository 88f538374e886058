/** Queries for the logs of a service. */

/** A value as a text of the log query language. */
export function phrase(value: string): string {
	return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** The log query for a service, and for its errors. Its name is meant exactly: `coder` is not `coder-2`. */
export function logQuery(service: string, errorsOnly = false): string {
	const own = `service:=${phrase(service)}`;
	return errorsOnly ? `${own} AND (level:error OR level:fatal)` : own;
}
