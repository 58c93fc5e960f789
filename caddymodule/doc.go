// Package caddymodule adapts the token gateway to Caddy: the app that holds the
// token store, the handler that guards a route, and the doors of the admin API.
package caddymodule
