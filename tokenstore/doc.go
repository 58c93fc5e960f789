// Package tokenstore keeps opaque API tokens: it makes them, verifies them,
// says what they may do, and ends the requests of those that are taken away.
//
// A [Service] holds the whole table in memory over a durable [Store] (package
// bolt, for example), so that verifying a token touches no disk. Every edit
// names its [Actor], is checked against the actor's rights, and is committed
// together with an entry of the audit trail.
//
// The package knows nothing of HTTP.
package tokenstore
