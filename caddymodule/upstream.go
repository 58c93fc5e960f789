package caddymodule

import (
	"go.uber.org/zap"
)

// admit names the token, which has passed, to other directives and the log.
func (e *exchange) admit() *refusal {
	e.placeholders(userNames, e.session.Token())
	return nil
}

// credentialForUpstream fills in what the upstream gets in place of the
// client's token. The placeholders in it are replaced once: what a client put
// into one of them is not looked at for more.
func (e *exchange) credentialForUpstream() *refusal {
	if e.h.UpstreamAuthorization == "" {
		return nil
	}
	value, err := replacer(e.r).ReplaceOrErr(e.h.UpstreamAuthorization, true, true)
	if err != nil {
		// Without its credential the upstream would take the caller for a stranger.
		e.h.logger.Error("upstream_authorization cannot be filled in", zap.Error(err))
		return errUpstreamCredential
	}
	e.authorization = value
	return nil
}
