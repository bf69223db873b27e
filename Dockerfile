FROM python:3.13-slim
RUN useradd --create-home mystic
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt
COPY --chown=mystic . .
RUN mkdir -p /app/var && chown mystic /app/var
USER mystic
ENV HOST=0.0.0.0 PYTHONUNBUFFERED=1
EXPOSE 8000
CMD ["python", "manage.py", "run"]
