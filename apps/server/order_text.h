// Orders as text, for the journal.
#pragma once

#include <string>

#include "server/context.h"

namespace drypoint::server {

/// A JSON object: what it is drawn with, by the catalog's names, and each of its requests with its
/// pictures, whatever API they came by.
std::string text_of(const Order& order);

/// The order of such a text. Throws 4xx for what this server has not, and what opening a model
/// throws.
Order order_in(const Context& context, const Journal::Entry& entry);

}  // namespace drypoint::server
