// Package mcp is the wire of the Model Context Protocol as a gateway sees it: it
// reads one client message strictly, knows which member of which method names
// what is asked for, and takes hidden elements out of the lists that servers
// answer with. It knows neither tokens nor Caddy.
package mcp
