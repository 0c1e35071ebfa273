"""What only reads people."""

from sqlalchemy import case, select
from sqlalchemy.orm import Session, selectinload

from app.accounts.models import User
from app.core.errors import NotFound


def get_user(session: Session, user_id: int) -> User:
    """A person with their grants. NotFound where there is none."""
    user = session.scalar(select(User).where(User.id == user_id).options(selectinload(User.grants)))
    if user is None:
        raise NotFound
    return user


def everybody(session: Session) -> list[User]:
    """Everybody with their grants: active first, then invited, then disabled, each by name."""
    order = case({"active": 0, "invited": 1}, value=User.state, else_=2)
    return list(session.scalars(select(User).order_by(order, User.name, User.id).options(selectinload(User.grants))))
