#include "shared/jwt/refusal.h"

namespace sallyport::jwt {

absl::string_view RefusalName(Refusal refusal) {
  switch (refusal) {
#define X(enumerator, name, text) \
  case Refusal::enumerator: return name;
    SALLYPORT_JWT_REFUSALS(X)
#undef X
  }
  return "MALFORMED";
}

absl::string_view RefusalText(Refusal refusal) {
  switch (refusal) {
#define X(enumerator, name, text) \
  case Refusal::enumerator: return text;
    SALLYPORT_JWT_REFUSALS(X)
#undef X
  }
  return "";
}

}  // namespace sallyport::jwt
