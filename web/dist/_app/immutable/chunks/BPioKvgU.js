<<<<<<<< HEAD:web/dist/_app/immutable/chunks/BISzy396.js
import{a as e}from"./DgmRtrJr.js";import"./DGhmU0IG.js";var t={get data(){return e.data},get error(){return e.error},get form(){return e.form},get params(){return e.params},get route(){return e.route},get state(){return e.state},get status(){return e.status},get url(){return e.url}};export{t};
========
import{a as e}from"./D9AaGwIV.js";import"./DGhmU0IG.js";var t={get data(){return e.data},get error(){return e.error},get form(){return e.form},get params(){return e.params},get route(){return e.route},get state(){return e.state},get status(){return e.status},get url(){return e.url}};export{t};
>>>>>>>> a8d8eb3 (Give each series, and each service, one colour everywhere):web/dist/_app/immutable/chunks/BPioKvgU.js
