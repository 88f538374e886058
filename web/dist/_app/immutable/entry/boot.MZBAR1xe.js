const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_khwurt = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.C_Lmizn1.js"), import("./app.CocxdL5-.js")]);
kit.start(app, document.getElementById('app'));
