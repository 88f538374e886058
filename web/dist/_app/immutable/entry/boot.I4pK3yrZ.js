const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_16083ui = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BCdNYv4u.js"), import("./app.e7CgS4Ik.js")]);
kit.start(app, document.getElementById('app'));
