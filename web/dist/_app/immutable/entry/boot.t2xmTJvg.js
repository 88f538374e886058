const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_qrmy7p = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BfJgrp9P.js"), import("./app.DERhEEVx.js")]);
kit.start(app, document.getElementById('app'));
