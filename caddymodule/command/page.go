package command

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"strconv"
)

// largestPage is what the API gives at most in one answer.
const largestPage = 200

// listing is what the pages of a list hold together.
type listing[T any] struct {
	items []T
	raw   []json.RawMessage // the same, as sent
	total int               // of all that match, also those not fetched
}

// The limits of a list that are not numbers of items.
const (
	everything = 0  // all items, page by page
	unpaged    = -1 // of a list that has no pages
)

// list fetches at most limit items of a list.
func list[T any](ctx context.Context, api *client, path string, filters url.Values, limit int) (listing[T], error) {
	var out listing[T]
	query := maps.Clone(filters)
	if query == nil {
		query = url.Values{}
	}
	for {
		switch {
		case limit > 0:
			query.Set("limit", strconv.Itoa(min(largestPage, limit-len(out.items))))
		case limit == everything:
			query.Set("limit", strconv.Itoa(largestPage))
		}
		var page struct {
			Items      []json.RawMessage `json:"items"`
			NextCursor *string           `json:"next_cursor"`
			Total      int               `json:"total"`
		}
		r := get(path)
		r.query = query
		if _, err := api.call(ctx, r, &page); err != nil {
			return out, err
		}
		for _, raw := range page.Items {
			var item T
			if err := json.Unmarshal(raw, &item); err != nil {
				return out, serverf("The answer is not what this version of the command expects: %v.", err)
			}
			out.items = append(out.items, item)
		}
		out.raw = append(out.raw, page.Items...)
		out.total = page.Total
		if page.NextCursor == nil || *page.NextCursor == "" || len(page.Items) == 0 || (limit > 0 && len(out.items) >= limit) {
			return out, nil
		}
		query.Set("cursor", *page.NextCursor)
	}
}
