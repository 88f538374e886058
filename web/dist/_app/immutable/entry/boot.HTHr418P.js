const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_g3lf3j = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.Bzq1ruLj.js"), import("./app.Bzl4XyF5.js")]);
kit.start(app, document.getElementById('app'));
