// Command client uses a client that was generated from the OpenAPI document
// against the API whose URL is its argument.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"example.test/client/api"
)

func main() {
	log.SetFlags(log.Lshortfile)
	ctx := context.Background()
	c, err := api.NewClientWithResponses(os.Args[1])
	check(err)

	group, err := c.CreateGroupWithResponse(ctx, api.NewGroup{Name: "a/b", Permissions: &[]string{"blog.view_article"}})
	check(err)
	want(group.JSON201 != nil && group.JSON201.Name == "a/b", group.Body)

	made, err := c.CreateTokenWithResponse(ctx, api.NewToken{Name: "generated", Groups: &[]string{"a/b"}, ExpiresIn: new("30d")})
	check(err)
	want(made.JSON201 != nil && made.JSON201.Secret != "", made.Body)
	id := made.JSON201.Token.Id

	again, err := c.CreateTokenWithResponse(ctx, api.NewToken{Name: "generated"})
	check(err)
	want(again.ApplicationproblemJSON409 != nil && again.ApplicationproblemJSON409.Code == "name_taken", again.Body)

	page, err := c.ListTokensWithResponse(ctx, &api.ListTokensParams{Q: new("GENER"), Limit: new(1), UnusedFor: new("0"), NeverUsed: new(true)})
	check(err)
	want(page.JSON200 != nil && page.JSON200.Total == 1 && page.JSON200.Items[0].Id == id, page.Body)

	read, err := c.GetTokenWithResponse(ctx, made.JSON201.Token.Key)
	check(err)
	tag := read.HTTPResponse.Header.Get("ETag")

	patched, err := c.UpdateTokenWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, &api.UpdateTokenParams{IfMatch: tag},
		api.TokenPatch{Description: new("changed")})
	check(err)
	want(patched.JSON200 != nil && patched.JSON200.Description == "changed", patched.Body)

	stale, err := c.UpdateTokenWithResponse(ctx, id, &api.UpdateTokenParams{IfMatch: tag}, api.TokenPatch{Description: new("lost")})
	check(err)
	want(stale.ApplicationproblemJSON412 != nil, stale.Body)

	rotated, err := c.RotateTokenWithResponse(ctx, id, nil, api.RotateOptions{Grace: new("1h")})
	check(err)
	want(rotated.JSON200 != nil && rotated.JSON200.Secret != made.JSON201.Secret && rotated.JSON200.Token.Rotation != nil, rotated.Body)

	finished, err := c.FinishRotationWithResponse(ctx, id, nil)
	check(err)
	want(finished.JSON200 != nil, finished.Body)

	found, err := c.VerifyWithResponse(ctx, api.Credential{Secret: rotated.JSON200.Secret})
	check(err)
	want(found.JSON200 != nil && found.JSON200.Id == id, found.Body)

	verdict, err := c.CheckWithResponse(ctx, api.Question{Id: &id})
	check(err)
	want(verdict.JSON200 != nil && verdict.JSON200.Decision == "allow", verdict.Body)

	bulk, err := c.EditTokensWithResponse(ctx, api.BulkEdit{Action: "disable", Filter: &api.TokenFilter{Group: new("a/b")}})
	check(err)
	want(bulk.JSON200 != nil && bulk.JSON200.Changed == 1, bulk.Body)

	trail, err := c.ListAuditWithResponse(ctx, &api.ListAuditParams{Target: &id})
	check(err)
	want(trail.JSON200 != nil && len(trail.JSON200.Items) == 5, trail.Body)

	stats, err := c.GetStatsWithResponse(ctx)
	check(err)
	want(stats.JSON200 != nil && stats.JSON200.Disabled == 1, stats.Body)

	gone, err := c.DeleteGroupWithResponse(ctx, "a/b", nil)
	check(err)
	want(gone.StatusCode() == 204, gone.Body)

	deleted, err := c.DeleteTokenWithResponse(ctx, id, nil)
	check(err)
	want(deleted.StatusCode() == 204, deleted.Body)

	fmt.Println("the generated client works")
}

func check(err error) {
	if err != nil {
		log.Output(2, err.Error())
		os.Exit(1)
	}
}

func want(ok bool, body []byte) {
	if !ok {
		log.Output(2, string(body))
		os.Exit(1)
	}
}
