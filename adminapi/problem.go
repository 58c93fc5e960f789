package adminapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Problem is an error as the API answers it: application/problem+json of RFC
// 9457. The functions of an [API] may return one to choose the answer; any
// other error of theirs is told as its status alone.
type Problem struct {
	// Type is "about:blank": Code is what tells problems apart.
	Type string `json:"type"`

	// Title is the status in words.
	Title string `json:"title"`

	// Status is the HTTP status.
	Status int `json:"status"`

	// Detail says what is wrong and what was expected, for a person.
	Detail string `json:"detail"`

	// Code names the problem for a program, as "name_taken".
	Code string `json:"code"`

	// Errors lists what is wrong with single fields or parameters.
	Errors []FieldProblem `json:"errors,omitzero"`

	// RequestID is the X-Request-Id of the response, which the audit trail has
	// too.
	RequestID string `json:"request_id"`
}

// FieldProblem is what is wrong with one field of the body or one parameter of
// the query.
type FieldProblem struct {
	// Pointer is the field's JSON pointer (RFC 6901), as "/expires_in".
	Pointer string `json:"pointer,omitzero"`

	// Parameter is the name of a query parameter.
	Parameter string `json:"parameter,omitzero"`

	Detail string `json:"detail"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// The codes of this package. A tokenstore.StateError has a code of its own and
// is answered with 409.
const (
	codeBadRequest           = "bad_request"
	codeMalformedJSON        = "malformed_json"
	codeInvalidParameter     = "invalid_parameter"
	codeUnauthenticated      = "unauthenticated"
	codeForbidden            = "forbidden"
	codeNotFound             = "not_found"
	codeMethodNotAllowed     = "method_not_allowed"
	codeConflict             = "conflict"
	codeNameTaken            = "name_taken"
	codeVersionMismatch      = "version_mismatch"
	codeBodyTooLarge         = "body_too_large"
	codeUnsupportedMediaType = "unsupported_media_type"
	codeValidationFailed     = "validation_failed"
	codePreconditionRequired = "precondition_required"
	codeRateLimited          = "rate_limited"
	codeInternal             = "internal_error"
	codeStoreUnavailable     = "store_unavailable"
)

var statusOf = map[string]int{
	codeBadRequest:           http.StatusBadRequest,
	codeMalformedJSON:        http.StatusBadRequest,
	codeInvalidParameter:     http.StatusBadRequest,
	codeUnauthenticated:      http.StatusUnauthorized,
	codeForbidden:            http.StatusForbidden,
	codeNotFound:             http.StatusNotFound,
	codeMethodNotAllowed:     http.StatusMethodNotAllowed,
	codeConflict:             http.StatusConflict,
	codeNameTaken:            http.StatusConflict,
	codeVersionMismatch:      http.StatusPreconditionFailed,
	codeBodyTooLarge:         http.StatusRequestEntityTooLarge,
	codeUnsupportedMediaType: http.StatusUnsupportedMediaType,
	codeValidationFailed:     http.StatusUnprocessableEntity,
	codePreconditionRequired: http.StatusPreconditionRequired,
	codeRateLimited:          http.StatusTooManyRequests,
	codeInternal:             http.StatusInternalServerError,
	codeStoreUnavailable:     http.StatusServiceUnavailable,
}

// statusFor returns the status of a code; those of a tokenstore.StateError are
// not in the table.
func statusFor(code string) int { return cmp.Or(statusOf[code], http.StatusConflict) }

func problem(code, detail string, fields ...FieldProblem) *Problem {
	return &Problem{Status: statusFor(code), Code: code, Detail: detail, Errors: fields}
}

// invalidField is the problem of one field of the body.
func invalidField(pointer, detail string) *Problem {
	return problem(codeValidationFailed, "The request body is not valid.",
		FieldProblem{Pointer: pointer, Detail: detail})
}

// problemOf turns any error into what the caller may know of it. Errors that
// nobody foresaw are told as "internal error" and nothing else: their text can
// hold paths, addresses and Go types.
func problemOf(err error, preconditioned bool) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*tokenstore.FieldError](err); ok {
		return invalidField("/"+e.Field, e.Detail)
	}
	if e, ok := errors.AsType[*tokenstore.NameTakenError](err); ok {
		return problem(codeNameTaken, fmt.Sprintf("The name %q is taken by %s.", e.Name, e.ID),
			FieldProblem{Pointer: "/name", Detail: "is taken"})
	}
	if e, ok := errors.AsType[*tokenstore.ForbiddenError](err); ok {
		return problem(codeForbidden, e.Error())
	}
	if e, ok := errors.AsType[*tokenstore.StateError](err); ok {
		return problem(e.Code, e.Detail)
	}
	if _, ok := errors.AsType[*tokenstore.EndedError](err); ok {
		return problem(codeUnauthenticated, "Your token was taken away meanwhile.")
	}
	switch {
	case errors.Is(err, tokenstore.ErrNotFound):
		return problem(codeNotFound, "There is no such resource.")
	case errors.Is(err, tokenstore.ErrForbidden):
		return problem(codeForbidden, "You lack the right to do this.")
	case errors.Is(err, tokenstore.ErrConflict) && preconditioned:
		return problem(codeVersionMismatch, "It has been changed since you read it: read it again, then decide.")
	case errors.Is(err, tokenstore.ErrConflict):
		return problem(codeConflict, "Somebody else changed it at the same time: try again.")
	case errors.Is(err, tokenstore.ErrClosed), errors.Is(err, tokenstore.ErrUnavailable),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem(codeStoreUnavailable, "The token store is not available at the moment.")
	}
	return problem(codeInternal, "Something went wrong inside the gateway; its log has the details under this request id.")
}
