const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_m6veg8 = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.7CpgrUam.js"), import("./app.BpPeKuzu.js")]);
kit.start(app, document.getElementById('app'));
