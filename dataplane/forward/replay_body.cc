#include "dataplane/forward/replay_body.h"

namespace sallyport::dataplane {

BodyPiece ReplayBody::TryNext() {
  BodyPiece piece;
  if (at_ < kept_.size()) {
    piece.kind = BodyPiece::Kind::kData;
    piece.data = absl::string_view(kept_).substr(at_);
    at_ = kept_.size();
    return piece;
  }
  if (ended_) return piece;  // kEnd
  piece = body_.TryNext();
  ended_ = piece.kind == BodyPiece::Kind::kEnd;
  if (piece.kind != BodyPiece::Kind::kData || lost_) return piece;
  if (kept_.size() + piece.data.size() > kMostKept) {
    LetGo();
    return piece;
  }
  kept_.append(piece.data.data(), piece.data.size());
  at_ = kept_.size();
  return piece;
}

void ReplayBody::LetGo() {
  lost_ = true;
  kept_ = std::string();
  at_ = 0;
}

}  // namespace sallyport::dataplane
