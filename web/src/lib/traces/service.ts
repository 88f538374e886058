import { base } from '$app/paths';
import { failureOf, unreachable } from '$lib/api/client';

/** What the search form takes of `GET /api/v1/services/{name}`. */
interface ServiceOperations {
	operations: { name: string; kind: string; spans: number }[];
}

/** The operations of a service in a range, most spans first; none when the server does not know them. */
export async function operationsOf(
	service: string,
	bounds: { start: string; end: string },
	signal: AbortSignal
): Promise<string[]> {
	const url = `${base}/api/v1/services/${encodeURIComponent(service)}?${new URLSearchParams(bounds)}`;
	const response = await fetch(url, { signal }).catch((cause) => {
		throw unreachable(cause);
	});
	const body: unknown = await response.json().catch(() => null);
	if (!response.ok) throw failureOf(body, response.status);
	const operations = (body as ServiceOperations).operations.toSorted((a, b) => b.spans - a.spans);
	return [...new Set(operations.map((one) => one.name))];
}
