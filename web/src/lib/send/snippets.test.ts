import { describe, expect, it } from 'vitest';
import type { Status } from '$lib/status/status';
import { arrivalsOf, baselineOf } from './arrivals';
import { endpointsOf, snippetsFor } from './snippets';

const page = { origin: 'http://10.0.0.5:4300', hostname: '10.0.0.5' };

describe('the addresses', () => {
	it('name the host of the page where the server listens on all', () => {
		for (const host of ['0.0.0.0', '[::]', 'localhost']) {
			const to = endpointsOf({ http: `${host}:4300`, otlp_grpc: `${host}:5317`, otlp_http: `${host}:5318` }, page, '');
			expect([to.otlpGrpc, to.otlpHttp, to.loopback]).toEqual(['http://10.0.0.5:5317', 'http://10.0.0.5:5318', false]);
		}
	});

	it('stay as they are where it listens on one', () => {
		const to = endpointsOf(
			{ http: '127.0.0.1:4300', otlp_grpc: '127.0.0.1:4317', otlp_http: '[::1]:4318' },
			page,
			'/clew'
		);
		expect(to).toEqual({
			http: 'http://10.0.0.5:4300/clew',
			otlpGrpc: 'http://127.0.0.1:4317',
			otlpHttp: 'http://[::1]:4318',
			loopback: true
		});
	});

	it('are filled into every snippet that sends', () => {
		const to = { http: 'http://h:1', otlpGrpc: 'http://h:2', otlpHttp: 'http://h:3', loopback: false };
		const address = {
			otlp_grpc: 'http://h:2',
			otlp_http: 'http://h:3',
			json_logs: 'http://h:1/api/v1/logs',
			scrape: ''
		};
		for (const snippet of snippetsFor(to)) {
			expect(snippet.blocks.map((block) => block.text).join('\n')).toContain(address[snippet.protocol]);
		}
	});
});

describe('arrivals', () => {
	const status = (accepted: number) =>
		({
			sources: [{ signal: 'logs', protocol: 'json_logs', accepted, rejected: 1, last_received: '2026-11-28T21:00:00Z' }]
		}) as unknown as Status;
	const json = snippetsFor(endpointsOf(undefined, page, '')).find((one) => one.id === 'json');
	if (!json) throw new Error('no snippet for JSON logs');

	it('wait until something came by this protocol', () => {
		expect(arrivalsOf(json, undefined, {})).toEqual([
			{ signal: 'logs', accepted: 0, rejected: 0, last: null, first: null }
		]);
	});

	it('tell the first that came while the page was open from what had come before', () => {
		const at = Date.UTC(2026, 10, 28, 21);
		expect(arrivalsOf(json, status(5), {})[0]).toMatchObject({ accepted: 5, rejected: 1, first: at });
		expect(arrivalsOf(json, status(9), baselineOf(status(5)))[0]).toMatchObject({ accepted: 9, last: at, first: null });
	});
});
