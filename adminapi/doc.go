// Package adminapi is the REST API over tokens, groups, permissions, routes and
// the audit trail: an http.Handler rooted at "/", which the doors of the
// gateway mount under a prefix of theirs.
//
// One table of endpoints says what there is; the handler and the OpenAPI
// document, served as openapi.json, are both made from it.
package adminapi
