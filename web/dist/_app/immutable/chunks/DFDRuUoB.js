<<<<<<<< HEAD:web/dist/_app/immutable/chunks/TV7DF8wH.js
import{s as e}from"./DgmRtrJr.js";import{f as t,p as n}from"./DVJ8-1wW.js";async function r(r){let i=await fetch(`${e}/api/v1/status`,{signal:r}).catch(e=>{throw n(e)}),a=await i.json().catch(()=>void 0);if(!i.ok||a===void 0)throw t(a,i.status);return a}var i={logs:{one:`log`,many:`logs`},metrics:{one:`sample`,many:`samples`},traces:{one:`span`,many:`spans`}};export{r as n,i as t};
========
import{s as e}from"./D9AaGwIV.js";import{f as t,p as n}from"./DjOvkdJ0.js";async function r(r){let i=await fetch(`${e}/api/v1/status`,{signal:r}).catch(e=>{throw n(e)}),a=await i.json().catch(()=>void 0);if(!i.ok||a===void 0)throw t(a,i.status);return a}var i={logs:{one:`log`,many:`logs`},metrics:{one:`sample`,many:`samples`},traces:{one:`span`,many:`spans`}};export{r as n,i as t};
>>>>>>>> a8d8eb3 (Give each series, and each service, one colour everywhere):web/dist/_app/immutable/chunks/DFDRuUoB.js
