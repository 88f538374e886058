import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Milliseconds within which the server must be filled. */
const FILL_TIMEOUT = 120_000;

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Starts the server that the tests ask, and ends it with them. */
export default async function setup() {
	const folder = mkdtempSync(join(tmpdir(), 'clew-web-'));
	const facts = join(folder, 'facts.json');
	const python = process.env.CLEW_TEST_PYTHON ?? join(repository, 'target/test-venv/bin/python');
	const server = spawn(python, [join(repository, 'web/tests/serve.py'), facts], {
		stdio: ['pipe', 'inherit', 'inherit']
	});
	const ended = new Promise<number | null>((resolve) => server.once('exit', resolve));
	const deadline = Date.now() + FILL_TIMEOUT;
	while (!existsSync(facts)) {
		if (server.exitCode !== null) throw new Error(`the server under test ended with ${server.exitCode}`);
		if (Date.now() > deadline) throw new Error('the server under test was not filled in time');
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	process.env.CLEW_FACTS = readFileSync(facts, 'utf8');
	return async () => {
		server.stdin.end();
		const code = await ended;
		rmSync(folder, { recursive: true, force: true });
		if (code !== 0) throw new Error(`the server under test ended with ${code}`);
	};
}
